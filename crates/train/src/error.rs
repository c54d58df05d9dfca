//! What may be wrong with what a training is asked to do.

/// What may be wrong with what a training is asked to do.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrainError {
    /// There is no optimiser, schedule or the like of this name.
    #[error("there is no {what} `{name}`: known are {known}")]
    Unknown {
        /// `optimizer` or `schedule`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// All that there are.
        known: String,
    },
    /// An option that the chosen optimiser or schedule does not take.
    #[error("`{name}` takes no `{option}`")]
    Option {
        /// The optimiser or schedule.
        name: String,
        /// The option.
        option: &'static str,
    },
    /// A number outside of its range.
    #[error("`{option}` is {value}, it must be {range}")]
    Range {
        /// The option.
        option: &'static str,
        /// What was given.
        value: f64,
        /// In words.
        range: &'static str,
    },
    /// What an optimiser kept is of another training.
    #[error("what the optimiser kept does not fit: `{name}` is missing or has another shape")]
    Kept {
        /// The tensor.
        name: String,
    },
}

impl TrainError {
    /// The key of its message.
    pub fn kind(&self) -> &'static str {
        match self {
            TrainError::Unknown { .. } => "unknown_choice",
            TrainError::Option { .. } => "unknown_option",
            TrainError::Range { .. } => "out_of_range",
            TrainError::Kept { .. } => "bad_checkpoint",
        }
    }
}
