"""Sentences of one meaning in several languages, written for these tests."""

TEXTS = {
    "en": [
        "The committee will meet again next week to discuss the results of the study.",
        "Yesterday evening we walked along the river until it began to rain.",
        "Please send the signed contract back to our office before Friday.",
        "The old library was closed for two years because the roof was leaking.",
    ],
    "it": [
        "La settimana prossima il comitato si riunirà di nuovo per discutere i risultati.",
        "Ieri sera abbiamo camminato lungo il fiume finché non ha cominciato a piovere.",
        "Vi preghiamo di rispedire il contratto firmato al nostro ufficio entro venerdì.",
        "La vecchia biblioteca è rimasta chiusa due anni perché il tetto perdeva acqua.",
    ],
    "nl": [
        "De commissie komt volgende week opnieuw bijeen om de resultaten te bespreken.",
        "Gisteravond liepen we langs de rivier totdat het begon te regenen.",
        "Stuur het ondertekende contract alstublieft voor vrijdag terug naar ons kantoor.",
        "De oude bibliotheek was twee jaar gesloten omdat het dak lekte.",
    ],
    "ro": [
        "Comitetul se va reuni din nou săptămâna viitoare pentru a discuta rezultatele.",
        "Aseară ne-am plimbat de-a lungul râului până când a început să plouă.",
        "Vă rugăm să trimiteți contractul semnat înapoi la biroul nostru până vineri.",
        "Vechea bibliotecă a fost închisă doi ani pentru că acoperișul era spart.",
    ],
    "ru": [
        "На следующей неделе комитет снова соберётся, чтобы обсудить результаты.",
        "Вчера вечером мы гуляли вдоль реки, пока не начался дождь.",
        "Пожалуйста, отправьте подписанный договор обратно в наш офис до пятницы.",
        "Старая библиотека была закрыта два года, потому что протекала крыша.",
    ],
    "ja": [
        "委員会は来週また集まって、研究の結果について話し合う予定です。",
        "昨日の夜、私たちは雨が降り出すまで川に沿って歩きました。",
        "署名した契約書を金曜日までに事務所へ送り返してください。",
        "古い図書館は屋根の雨漏りのために二年間閉まっていました。",
    ],
    "zh": [
        "委员会将于下周再次开会，讨论这项研究的结果。",
        "昨天晚上我们沿着河边散步，直到开始下雨。",
        "请在星期五之前把签好的合同寄回我们的办公室。",
        "旧图书馆因为屋顶漏水关闭了两年。",
    ],
    "zh-Hant": [
        "委員會將於下週再次開會，討論這項研究的結果。",
        "昨天晚上我們沿著河邊散步，直到開始下雨。",
        "請在星期五之前把簽好的合同寄回我們的辦公室。",
        "舊圖書館因為屋頂漏水關閉了兩年。",
    ],
}
