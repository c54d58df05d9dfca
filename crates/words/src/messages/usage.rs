//! A command line that makes no sense.

use super::messages;

messages! {
    UsageMessage of "usage.toml":
    "usage.unknown_argument" => UnknownArgument { argument },
    "usage.unknown_verb" => UnknownVerb { verb },
    "usage.missing_value" => MissingValue { argument },
    "usage.not_one_of" => NotOneOf { argument, value, allowed },
    "usage.wrong_value" => WrongValue { argument, value, wanted },
    "usage.missing" => Missing { arguments },
    "usage.conflict" => Conflict { argument, other },
    "usage.no_verb" => NoVerb { command, verbs },
    "usage.too_few" => TooFew { argument, wanted, given },
    "usage.no_value" => NoValue { argument, value },
    "usage.meant" => Meant { meant },
    "usage.line" => Line { lines },
    "usage.help" => Help,
    "range.from_to" => RangeFromTo { least, most },
    "range.at_least" => RangeAtLeast { least },
    "range.above" => RangeAbove { least },
    "range.below" => RangeBelow { least, most },
    "range.between" => RangeBetween { least, most },
    "usage.explain_one" => ExplainOne,
}
