"""Compare models: on one prompt, or on a file of them, with reports and a judge.

`prompts` reads the file, `cells` asks each model each prompt, `results` keeps what is done so
that a stopped run goes on, `judge` compares the answers, `summary` and `page` show them.
"""
