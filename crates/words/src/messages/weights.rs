//! Weights of known networks: kept, imported, downloaded.

use super::messages;

messages! {
    WeightsMessage of "weights.toml":
    "weights.kept" => Kept { backbone, parameters, head, path },
    "weights.with_classes" => WithClasses { count },
    "weights.without_classes" => WithoutClasses,
    "weights.left" => Left { count },
    "weights.background" => Background,
    "weights.try_no_top" => TryNoTop,
    "weights.none" => NoneKept,
    "weights.unpublished" => Unpublished { name, known },
    "weights.licence" => Licence { licence },
    "weights.other_top" => OtherTop,
}
