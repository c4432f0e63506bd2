"""The edge that every bot shares: what Telegram demands, so that bots only say what to answer.

`app` puts a bot together and runs it; `replies` streams answers; `turns` keeps one
answer at a time per conversation; `middlewares` writes updates down, lets in, slows,
gathers long pastes; `errors` turns failures into words.
"""
