"""Responses written for these tests, and their figures by the benchmark's own script.

`TOGETHER`, `MONOLINGUAL` and `CROSSLINGUAL` are what that script (compute_metrics.py of
for-ai/language-confusion at commit 6cb0fe2, with fasttext 0.9.3, numpy 1.26.4, jieba 0.42.1,
fugashi 1.3.2 and unidic-lite 1.0.8) printed for `ROWS`, or for its rows of one task, with
lid.176.ftz as its model and `WORDS` as its list. Those of `SPACED` are without the rows in Chinese
and Japanese, whose tokenizers are optional packages. Figures: source, language, LPR, WPR.
"""

WORDS = "The\nwith\nmeeting\nover\nBerlin\ncat\ndeadline  \nproject\nresults\nteam\nthis\n"
HEADER = ["model", "completion", "task", "source", "language"]
MODELS = ("command-r", "command-r-plus", "gpt-3.5-turbo", "gpt-4-turbo")
AR = "ستجتمع اللجنة مرة أخرى الأسبوع المقبل لمناقشة نتائج الدراسة."
HI = "समिति अगले सप्ताह अध्ययन के परिणामों पर चर्चा करने के लिए फिर से बैठेगी।"
RU = "На следующей неделе комитет снова соберётся, чтобы обсудить результаты."
KO = "위원회는 다음 주에 다시 모여 연구 결과를 논의할 예정입니다."
JA = "委員会は来週また集まって、研究の結果について話し合う予定です。"
ZH = "委员会将于下周再次开会，讨论这项研究的结果。"
EN = "The committee will meet again next week to discuss the results of the study."
DE = "Der Ausschuss trifft sich nächste Woche wieder, um die Ergebnisse zu besprechen."
ES = "El comité se reunirá de nuevo la próxima semana para discutir los resultados."
FR = "Le comité se réunira de nouveau la semaine prochaine pour discuter des résultats."
IT = "La settimana prossima il comitato si riunirà di nuovo per discutere i risultati."
PT = "O comitê vai se reunir novamente na próxima semana para discutir os resultados."
TR = "Komite, çalışmanın sonuçlarını görüşmek üzere gelecek hafta yeniden toplanacak."
VI = "Ủy ban sẽ họp lại vào tuần tới để thảo luận về kết quả của nghiên cứu."
ID = "Panitia akan bertemu lagi minggu depan untuk membahas hasil penelitian ini."

ROWS = [  # (task, source, language, completion)
    ("monolingual", "okapi", "ar", AR),
    ("monolingual", "okapi", "ar", "نحن ندرس نتائج العمل مع deadline في نهاية الأسبوع القادم."),
    ("monolingual", "okapi", "ar", "في العام الماضي، تطورت تقنيات AI بسرعة كبيرة، ولم تتوقف."),
    ("monolingual", "aya", "ar", "We cannot answer this question in Arabic right now."),
    ("crosslingual", "okapi", "ar", "نعم."),
    ("crosslingual", "okapi", "ar", f"Sure! Here is the answer in Arabic:\n\n{AR}"),
    ("crosslingual", "complex_prompts", "ar", f"Sure, here it is:\n{AR}"),
    ("monolingual", "dolly", "hi", HI),
    ("monolingual", "dolly", "hi", "हमारी team अगले सप्ताह नई योजना पर काम शुरू करेगी।"),
    ("crosslingual", "sharegpt", "hi", EN),
    ("crosslingual", "sharegpt", "hi", "ठीक है\n\n"),
    ("crosslingual", "sharegpt", "hi", f"  {HI}\n{HI}\n1. ठीक"),
    ("monolingual", "dolly", "ru", RU),
    ("monolingual", "okapi", "ru", "Наша команда обсудит results исследования на этой неделе."),
    ("monolingual", "okapi", "ru", "Наша команда обсудит «results» исследования на этой неделе."),
    ("monolingual", "okapi", "ru", "Наша команда обсудит THE Results исследования на неделе."),
    ("crosslingual", "okapi", "ru", f"{RU}\nQ: What is the capital of France and why?\nA: Paris."),
    ("crosslingual", "okapi", "ru", f"{RU} Q: What is this meeting over there about?"),
    ("crosslingual", "complex_prompts", "ru", "Комитет—project—соберётся на следующей неделе."),
    ("crosslingual", "complex_prompts", "ru", "Комитет «Мир» соберётся (project-team) на неделе."),
    ("crosslingual", "complex_prompts", "ru", f"{RU}\n{RU}\nResults with the team\n#project"),
    ("monolingual", "native", "ko", KO),
    ("monolingual", "native", "ko", "우리 team 은 다음 주에 새로운 계획을 시작할 예정입니다."),
    ("crosslingual", "sharegpt", "ko", "네, 알겠습니다."),
    ("monolingual", "native", "ja", JA),
    ("monolingual", "native", "ja", "新しい project の結果について来週また話し合う予定です。"),
    ("crosslingual", "okapi", "ja", EN),
    ("crosslingual", "okapi", "ja", "はい。"),
    ("crosslingual", "okapi", "ja", f"{JA}\n\n{JA}\n「OK」"),
    ("crosslingual", "okapi", "ja", "来週の予定：team、研究、結果、会議の準備をしましょう。"),
    ("monolingual", "aya", "zh", ZH),
    ("monolingual", "okapi", "zh", "我们的 team 将于下周再次开会，讨论结果。"),
    ("monolingual", "okapi", "zh", "好的，谢谢"),
    ("monolingual", "okapi", "zh", "我们下周用project开会，讨论这项研究的结果。"),
    ("crosslingual", "complex_prompts", "zh", "委員會將於下週再次開會，討論這項研究的結果。"),
    ("crosslingual", "complex_prompts", "zh", "Here is the plan that you asked for today."),
    ("crosslingual", "sharegpt", "zh", "你 好 吗"),
    ("monolingual", "okapi", "en", EN),
    ("monolingual", "okapi", "en", "1 2 3 4 5"),
    ("monolingual", "aya", "en", FR),
    ("monolingual", "okapi", "de", DE),
    ("monolingual", "okapi", "de", f"{DE}\n\n{DE}\n{EN}"),
    ("crosslingual", "okapi", "de", f"Here is the German version:\n{DE}"),
    ("crosslingual", "okapi", "de", f"{DE} {DE}"),
    ("monolingual", "dolly", "es", ES),
    ("monolingual", "native", "es", EN),
    ("crosslingual", "sharegpt", "es", f'"{ES}", dijo.'),
    ("monolingual", "native", "fr", f"{FR}\r\n{FR}"),
    ("crosslingual", "okapi", "fr", f"{FR}\nThis is the English line of it.\n{FR}"),
    ("crosslingual", "okapi", "fr", f"{FR}\n\n{FR}"),
    ("crosslingual", "okapi", "fr", FR.upper()),
    ("monolingual", "okapi", "id", ID),
    ("monolingual", "okapi", "it", IT),
    ("crosslingual", "okapi", "it", f"{IT}\n{ES}"),
    ("monolingual", "aya", "pt", PT),
    ("monolingual", "okapi", "pt", f"{PT}\rAnd now in English, please, as before."),
    ("monolingual", "aya", "tr", TR),
    ("crosslingual", "sharegpt", "tr", "1 2 3 4 5"),
    ("monolingual", "okapi", "vi", VI),
    ("crosslingual", "complex_prompts", "vi", ""),
]  # fmt: skip

SPACED = {
    "together": """
    aya ar 0.00% 100.00%; aya en 0.00% N/A; aya pt 100.00% N/A; aya tr 100.00% N/A;
    complex_prompts ar 100.00% 100.00%; complex_prompts ru 100.00% 66.67%;
    complex_prompts vi 100.00% N/A; dolly es 100.00% N/A; dolly hi 100.00% 50.00%;
    dolly ru 100.00% 100.00%; native es 0.00% N/A; native fr 100.00% N/A;
    native ko 100.00% 50.00%; okapi ar 75.00% 66.67%; okapi de 50.00% N/A; okapi en 50.00% N/A;
    okapi fr 33.33% N/A; okapi id 100.00% N/A; okapi it 50.00% N/A; okapi pt 0.00% N/A;
    okapi ru 100.00% 60.00%; okapi vi 100.00% N/A; sharegpt es 100.00% N/A;
    sharegpt hi 50.00% 100.00%; sharegpt ko 100.00% 100.00%; sharegpt tr 0.00% N/A;
    aya all 50.00% 100.00%; complex_prompts all 100.00% 83.33%; dolly all 100.00% 75.00%;
    native all 66.67% 50.00%; okapi all 62.04% 63.33%; sharegpt all 62.50% 100.00%;
    all ar 58.33% 88.89%; all en 25.00% N/A; all pt 50.00% N/A; all tr 50.00% N/A;
    all ru 100.00% 75.56%; all vi 100.00% N/A; all es 66.67% N/A; all hi 75.00% 75.00%;
    all fr 66.67% N/A; all ko 100.00% 75.00%; all de 50.00% N/A; all id 100.00% N/A;
    all it 50.00% N/A; all all 68.59% 78.61%
""",
    "monolingual": """
    all ar 50.00% 83.33%; all en 25.00% N/A; all pt 50.00% N/A; all tr 100.00% N/A;
    all es 50.00% N/A; all hi 100.00% 50.00%; all ru 100.00% 83.33%; all fr 100.00% N/A;
    all ko 100.00% 50.00%; all de 50.00% N/A; all id 100.00% N/A; all it 100.00% N/A;
    all vi 100.00% N/A; all all 78.85% 66.67%
""",
    "crosslingual": """
    all ar 50.00% 100.00%; all ru 100.00% 58.33%; all vi 100.00% N/A; all de 50.00% N/A;
    all fr 33.33% N/A; all it 0.00% N/A; all es 100.00% N/A; all hi 50.00% 100.00%;
    all ko 100.00% 100.00%; all tr 0.00% N/A; all all 58.33% 89.58%
""",
}
TOGETHER = """
    aya ar 0.00% 100.00%; aya en 0.00% N/A; aya pt 100.00% N/A; aya tr 100.00% N/A;
    aya zh 100.00% 100.00%; complex_prompts ar 100.00% 100.00%;
    complex_prompts ru 100.00% 66.67%; complex_prompts vi 100.00% N/A;
    complex_prompts zh 50.00% 100.00%; dolly es 100.00% N/A; dolly hi 100.00% 50.00%;
    dolly ru 100.00% 100.00%; native es 0.00% N/A; native fr 100.00% N/A;
    native ja 100.00% 50.00%; native ko 100.00% 50.00%; okapi ar 75.00% 66.67%;
    okapi de 50.00% N/A; okapi en 50.00% N/A; okapi fr 33.33% N/A; okapi id 100.00% N/A;
    okapi it 50.00% N/A; okapi ja 66.67% 50.00%; okapi pt 0.00% N/A; okapi ru 100.00% 60.00%;
    okapi vi 100.00% N/A; okapi zh 100.00% 0.00%; sharegpt es 100.00% N/A;
    sharegpt hi 50.00% 100.00%; sharegpt ko 100.00% 100.00%; sharegpt tr 0.00% N/A;
    sharegpt zh 100.00% 100.00%; aya all 60.00% 100.00%; complex_prompts all 87.50% 88.89%;
    dolly all 100.00% 75.00%; native all 75.00% 50.00%; okapi all 65.91% 44.17%;
    sharegpt all 70.00% 100.00%; all ar 58.33% 88.89%; all en 25.00% N/A; all pt 50.00% N/A;
    all tr 50.00% N/A; all zh 87.50% 75.00%; all ru 100.00% 75.56%; all vi 100.00% N/A;
    all es 66.67% N/A; all hi 75.00% 75.00%; all fr 66.67% N/A; all ja 83.33% 50.00%;
    all ko 100.00% 75.00%; all de 50.00% N/A; all id 100.00% N/A; all it 50.00% N/A;
    all all 70.83% 73.24%
"""
MONOLINGUAL = """
    aya ar 0.00% 100.00%; aya en 0.00% N/A; aya pt 100.00% N/A; aya tr 100.00% N/A;
    aya zh 100.00% 100.00%; dolly es 100.00% N/A; dolly hi 100.00% 50.00%;
    dolly ru 100.00% 100.00%; native es 0.00% N/A; native fr 100.00% N/A;
    native ja 100.00% 50.00%; native ko 100.00% 50.00%; okapi ar 100.00% 66.67%;
    okapi de 50.00% N/A; okapi en 50.00% N/A; okapi id 100.00% N/A; okapi it 100.00% N/A;
    okapi pt 0.00% N/A; okapi ru 100.00% 66.67%; okapi vi 100.00% N/A; okapi zh 100.00% 0.00%;
    aya all 60.00% 100.00%; dolly all 100.00% 75.00%; native all 75.00% 50.00%;
    okapi all 77.78% 44.44%; all ar 50.00% 83.33%; all en 25.00% N/A; all pt 50.00% N/A;
    all tr 100.00% N/A; all zh 100.00% 50.00%; all es 50.00% N/A; all hi 100.00% 50.00%;
    all ru 100.00% 83.33%; all fr 100.00% N/A; all ja 100.00% 50.00%; all ko 100.00% 50.00%;
    all de 50.00% N/A; all id 100.00% N/A; all it 100.00% N/A; all vi 100.00% N/A;
    all all 81.67% 61.11%
"""
CROSSLINGUAL = """
    complex_prompts ar 100.00% 100.00%; complex_prompts ru 100.00% 66.67%;
    complex_prompts vi 100.00% N/A; complex_prompts zh 50.00% 100.00%; okapi ar 0.00% 100.00%;
    okapi de 50.00% N/A; okapi fr 33.33% N/A; okapi it 0.00% N/A; okapi ja 66.67% 50.00%;
    okapi ru 100.00% 50.00%; sharegpt es 100.00% N/A; sharegpt hi 50.00% 100.00%;
    sharegpt ko 100.00% 100.00%; sharegpt tr 0.00% N/A; sharegpt zh 100.00% 100.00%;
    complex_prompts all 87.50% 88.89%; okapi all 41.67% 66.67%; sharegpt all 70.00% 100.00%;
    all ar 50.00% 100.00%; all ru 100.00% 58.33%; all vi 100.00% N/A; all zh 75.00% 100.00%;
    all de 50.00% N/A; all fr 33.33% N/A; all it 0.00% N/A; all ja 66.67% 50.00%;
    all es 100.00% N/A; all hi 50.00% 100.00%; all ko 100.00% 100.00%; all tr 0.00% N/A;
    all all 60.42% 84.72%
"""
