"""The scorer's rules: pure, synchronous, and free of any framework. Time is an argument. Which file answers which
question:

    decide          what do a person's messages lead to?    the way in
    publishing      when is a score published, and by which scorecard?
    person          what is kept of one person in one row, and what does a decision add to it?
    policy, calendar        by which scorecard, and when are the monthly runs?
    folding, ids    does an event count, or is it a repetition, a conflict, too late or too much?
    state, records  what is kept of a person?
    vectors         and of one kind, month by month?
    forgetting      what leaves that again?
    scorecard, scorecard_parts      what may a scorecard say?
    faults, part_faults     what is wrong with one, as a whole and in its parts?
    reach           can anybody have its best score, and its worst?
    borders, binding    can anybody gain by what is worse, or lose by what is better?
    values          which values of features are looked at for that?
    features        what can a rule look at, and how is it measured?
    catalogue       which hints does a policy file have?
    compiled        how does a scorecard become a program?
    score, item, held       what is the score with its items, and what do records cost and impose?
    redaction       what is left of a history once a record has ended?
    moves           what moved a score from one publication to the next?
    reasons, explain        how is that said and shown to the person?
    consents        which consents has a person given, and taken back?
    requests        what is a person's request answered with?
    messages        what do the rules take in?
"""
