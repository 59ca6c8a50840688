"""Files and folders that are written completely or not at all, and the step.json that signs them.

A step works in a hidden folder beside its final place and takes that place by one rename when it is
done. A killed or failed step leaves at most the hidden folder, which the next run removes. Links
inside a run folder are never followed: what they point to is not ours to change.

publishing   files and folders that appear complete or not at all
signals      signals that stop the program, as exceptions that clean up
locks        locks, so that two processes never write the same place
stamps       step.json, and hashes of files
json_files   records as JSON and JSON lines
arrow_files  records as Arrow files, read through a memory map
"""

from ontarget.artifacts.arrow_files import ArrowRecords, schema_of, write_arrow, write_batches
from ontarget.artifacts.json_files import read_jsonl, write_json, write_jsonl, write_records
from ontarget.artifacts.locks import Lock, lock_folder, lock_output
from ontarget.artifacts.publishing import (
    check_no_links,
    check_replaceable,
    is_unfinished,
    prepare_unfinished,
    publish_file,
    publish_folder,
    remove_tree,
)
from ontarget.artifacts.stamps import (
    STAMP,
    file_hash,
    fingerprint,
    folder_hashes,
    read_stamp,
    stamp_fault,
    write_stamp,
)
from ontarget.errors import error_text

__all__ = [
    "STAMP",
    "ArrowRecords",
    "Lock",
    "check_no_links",
    "check_replaceable",
    "error_text",
    "file_hash",
    "fingerprint",
    "is_unfinished",
    "folder_hashes",
    "lock_folder",
    "lock_output",
    "prepare_unfinished",
    "publish_file",
    "publish_folder",
    "read_jsonl",
    "read_stamp",
    "remove_tree",
    "schema_of",
    "stamp_fault",
    "write_arrow",
    "write_batches",
    "write_json",
    "write_jsonl",
    "write_records",
    "write_stamp",
]
