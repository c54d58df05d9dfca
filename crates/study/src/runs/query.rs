//! What a list of runs asks for.
use super::State;

/// Which runs a list shows, in which order, and what of them; nothing else is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunQuery {
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Only those in this state.
    pub state: Option<State>,
    /// Which come first.
    pub order: Order,
    /// So many of the first are left out.
    pub skip: u64,
    /// At most so many; all where there is no limit.
    pub limit: Option<u64>,
    /// The metrics to read: their latest, best and kept values.
    pub metrics: Vec<String>,
    /// The parameters to read.
    pub parameters: Vec<String>,
}

/// The order of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest first.
    #[default]
    Newest,
    /// The best value of this metric first, as it is at the step that each run keeps; the least where
    /// the metric has no goal. Runs without such a value, or whose value is not a number, come last;
    /// of those as good, the newest first.
    Best(String),
}
