-- ARGV: 3 the topic.
removeState(ARGV[3])
eraseTopic(ARGV[3])
