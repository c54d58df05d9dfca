//! Models in pairs, trained alike but for one thing: whether they are, and in what they differ.
use package::TrainingRecord;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Settings that are not compared: names, and what makes the members of a group different.
const OF_ITS_OWN: [&str; 5] = [
    "train.name",
    "train.seed",
    "data.source",
    "data.sources",
    "data.class_map",
];
/// What the difference is called where two trainings saw other photos.
const PHOTOS: &str = "photos";

/// In what models of two groups differ, as their trainings say: names of settings, sorted, and
/// `photos` where they saw others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs {
    /// In any pair.
    pub differences: Vec<String>,
    /// Among the members of each group.
    pub within: [Vec<String>; 2],
}

/// Why models are no pairs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairError {
    /// Two models of a group have one seed.
    #[error("group {group} has seed {seed} twice")]
    SeedTwice {
        /// 0 or 1.
        group: usize,
        /// The seed.
        seed: String,
    },
    /// The two models of a pair have different seeds.
    #[error("pair {pair} has the seeds {base} and {with}")]
    Seeds {
        /// Which pair, from 0.
        pair: usize,
        /// The seed in the first group.
        base: String,
        /// That in the second.
        with: String,
    },
}

impl Pairs {
    /// Judges the pairs of two groups, in their order.
    ///
    /// # Errors
    /// Where the members of a group share a seed, or those of a pair do not.
    pub fn judge(base: &[TrainingRecord], with: &[TrainingRecord]) -> Result<Self, PairError> {
        for (group, records) in [base, with].into_iter().enumerate() {
            let mut known = HashSet::new();
            if let Some(twice) = records.iter().map(seed).find(|seed| !known.insert(*seed)) {
                let seed = twice.to_owned();
                return Err(PairError::SeedTwice { group, seed });
            }
        }
        for (pair, (base, with)) in base.iter().zip(with).enumerate() {
            if seed(base) != seed(with) {
                let [base, with] = [base, with].map(|record| seed(record).to_owned());
                return Err(PairError::Seeds { pair, base, with });
            }
        }
        Ok(Pairs {
            differences: sorted(base.iter().zip(with)),
            within: [base, with].map(|group| sorted(group.iter().map(|one| (&group[0], one)))),
        })
    }
}

fn seed(record: &TrainingRecord) -> &str {
    let seed = record.settings.get("train.seed");
    seed.map_or("", String::as_str)
}

/// In what the two of any pair differ, each once.
fn sorted<'a>(
    pairs: impl Iterator<Item = (&'a TrainingRecord, &'a TrainingRecord)>,
) -> Vec<String> {
    let names: BTreeSet<String> = pairs
        .flat_map(|(one, other)| differences(one, other))
        .collect();
    names.into_iter().collect()
}

/// The settings in which two trainings differ.
fn differences(one: &TrainingRecord, other: &TrainingRecord) -> Vec<String> {
    let [mine, theirs]: [&BTreeMap<String, String>; 2] = [&one.settings, &other.settings];
    let names: BTreeSet<&String> = mine.keys().chain(theirs.keys()).collect();
    let differs = |name: &&String| {
        !OF_ITS_OWN.contains(&name.as_str()) && mine.get(*name) != theirs.get(*name)
    };
    let settings = names.into_iter().filter(differs).cloned();
    let photos = (one.photos != other.photos).then(|| PHOTOS.to_owned());
    settings.chain(photos).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trained(seed: &str, rate: &str, photos: &str) -> TrainingRecord {
        let settings = [
            ("train.seed", seed),
            ("train.name", seed),
            ("data.source", seed),
            ("optimizer.rate", rate),
        ];
        TrainingRecord {
            settings: settings
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            photos: photos.to_owned(),
            fitted: Default::default(),
            chosen: Default::default(),
        }
    }

    #[test]
    fn pairs_have_one_seed_and_differ_in_what_is_compared() {
        let base = [trained("1", "0.1", "a"), trained("2", "0.1", "a")];
        let with = [trained("1", "0.2", "a"), trained("2", "0.2", "b")];
        let judged = Pairs::judge(&base, &with).unwrap();
        assert_eq!(judged.differences, ["optimizer.rate", "photos"]);
        assert_eq!(judged.within, [vec![], vec!["photos".to_owned()]]);
        assert!(Pairs::judge(&base, &base).unwrap().differences.is_empty());
        let turned = [base[1].clone(), base[0].clone()];
        let (one, two) = ("1".to_owned(), "2".to_owned());
        assert_eq!(
            Pairs::judge(&base, &turned),
            Err(PairError::Seeds {
                pair: 0,
                base: one.clone(),
                with: two
            })
        );
        let twice = [base[0].clone(), base[0].clone()];
        assert_eq!(
            Pairs::judge(&base, &twice),
            Err(PairError::SeedTwice {
                group: 1,
                seed: one
            })
        );
    }
}
