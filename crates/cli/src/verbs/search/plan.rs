//! What a search is: the settings that stay, the parameters that vary, and what counts. Read from a space
//! file, kept in the study, and turned into the recipe of each trial.
use crate::context::Context;
use crate::failure::{Failure, Status};
use crate::verbs::train::{RecipeFlags, failure};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use study::{Assignment, Condition, Direction, Distribution, Parameter, Space, SpaceError, Trial};
use study::{pruners, samplers};
use train::{Recipe, TrainError};
use words::SearchMessage;

/// The attribute of a study that holds its plan.
pub const PLAN: &str = "museau:plan";

/// What a search is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of the program that began it, or went on with it last.
    pub museau: String,
    /// The keys of a recipe that stay, as they are typed behind a flag.
    pub fixed: BTreeMap<String, String>,
    /// The parameters that vary.
    #[serde(with = "parameters")]
    pub space: Space,
    /// What counts.
    pub objectives: Vec<Objective>,
    /// How the next trial is chosen.
    pub sampler: String,
    /// How a trial that is behind is found.
    pub pruner: String,
    /// Complete trials before any is pruned.
    pub startup: usize,
    /// Reports that each trial may make at least.
    pub warm_up: i64,
    /// Trials in all.
    pub trials: u64,
    /// What decides the sampler's draws.
    pub seed: u64,
    /// Each trial is trained with each of these; with the recipe's where there is none.
    pub seeds: Vec<u64>,
    /// The folder of the trials' runs.
    pub output: String,
}

/// What counts of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Objective {
    /// The accuracy on the validation photos, at the epoch that is kept.
    ValAccuracy,
    /// The loss there.
    ValLoss,
    /// Parameters of the network.
    Parameters,
    /// Bytes of the package.
    Bytes,
}

impl Objective {
    /// Its name, as files have it.
    pub fn name(self) -> &'static str {
        match self {
            Objective::ValAccuracy => "val_accuracy",
            Objective::ValLoss => "val_loss",
            Objective::Parameters => "parameters",
            Objective::Bytes => "bytes",
        }
    }

    /// Which values are good.
    pub fn direction(self) -> Direction {
        match self {
            Objective::ValAccuracy => Direction::Maximize,
            Objective::ValLoss | Objective::Parameters | Objective::Bytes => Direction::Minimize,
        }
    }

    /// A value, as a person reads it.
    pub fn shown(self, context: &Context, value: f64) -> String {
        match self {
            Objective::ValAccuracy => train::evaluate::percent(context.language, value),
            Objective::ValLoss => words::number(context.language, value, 4),
            Objective::Parameters | Objective::Bytes => words::number(context.language, value, 0),
        }
    }
}

/// The keys whose values are paths.
pub const PATHS: [&str; 5] = [
    "data.source",
    "data.sources",
    "data.class_map",
    "data.decisions",
    "model.initial",
];

/// What stands behind such a key, found from anywhere: a path that is not whole starts at this folder.
pub fn whole(key: &str, text: &str, folder: &Path) -> String {
    let one = |text: &str| {
        let place = folder.join(text);
        // A name of a model is none of a file.
        if text.is_empty() || key == "model.initial" && !place.exists() {
            return text.to_owned();
        }
        let whole = std::path::absolute(&place).unwrap_or(place);
        whole.display().to_string()
    };
    match key {
        "data.sources" => {
            let all: Vec<String> = text.split(',').map(|text| one(text.trim())).collect();
            all.join(",")
        }
        _ => one(text),
    }
}

/// Behind the name of a list, the name of its length.
pub const LENGTH: &str = "length";

impl Plan {
    /// The recipe of a trial with these values, by the names of the parameters.
    ///
    /// # Errors
    /// Values that no training can have together.
    pub fn recipe(&self, values: &BTreeMap<String, Value>) -> Result<Recipe, TrainError> {
        let mut settings = self.fixed.clone();
        for (name, value) in values {
            // A list is its length and its elements, one parameter each.
            match name.rsplit_once('.') {
                Some((list, LENGTH)) => {
                    let length = value.as_u64().unwrap_or(0);
                    let element = |place| values.get(&format!("{list}.{place}")).map(typed);
                    let all: Vec<String> = (1..=length).filter_map(element).collect();
                    settings.insert(list.to_owned(), all.join(","));
                }
                Some((_, place)) if place.parse::<u64>().is_ok() => {}
                _ => drop(settings.insert(name.clone(), typed(value))),
            }
        }
        let settings = settings
            .iter()
            .map(|(key, text)| (key.as_str(), text.as_str()));
        Recipe::default().set(settings)
    }

    /// The recipe of a trial.
    ///
    /// # Errors
    /// As [`Plan::recipe`].
    pub fn recipe_of(&self, trial: &Trial) -> Result<Recipe, TrainError> {
        self.recipe(
            &trial
                .settings()
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
        )
    }

    /// The values of an assignment, as a person reads them.
    pub fn values(&self, assignment: &Assignment) -> BTreeMap<String, Value> {
        let of = |parameter: &Parameter| {
            let value = assignment.get(&parameter.name)?;
            Some((
                parameter.name.clone(),
                parameter.distribution.external(*value),
            ))
        };
        self.space.parameters().iter().filter_map(of).collect()
    }

    /// What of the study may not change, since its trials would not compare any more: all but the number
    /// of trials, the way of choosing them, and where the photos and the runs lie.
    pub fn core(&self) -> Plan {
        let mut core = self.clone();
        for elsewhere in PATHS {
            core.fixed.remove(elsewhere);
        }
        Plan {
            sampler: String::new(),
            pruner: String::new(),
            startup: 0,
            warm_up: 0,
            trials: 0,
            output: String::new(),
            museau: String::new(),
            ..core
        }
    }

    /// Settings that flags give stay as they are, whatever the file says.
    pub fn fix(&mut self, context: &Context, flags: &RecipeFlags) -> Result<()> {
        let mut parameters = self.space.parameters().to_vec();
        for (key, text) in flags.given() {
            let own = |name: &str| name == key || name.starts_with(&format!("{key}."));
            parameters.retain(|parameter| !own(&parameter.name));
            // What depended on it exists now, or does not.
            parameters.retain_mut(|parameter| match &parameter.when {
                Some(when) if own(&when.parameter) => {
                    let met = when.among.iter().any(|value| typed(value) == text);
                    parameter.when = None;
                    met
                }
                _ => true,
            });
            self.fixed.insert(key.to_owned(), text.to_owned());
        }
        self.space = Space::new(parameters).map_err(|error| refused(context, &error))?;
        Ok(())
    }

    /// Tries the values of each parameter for themselves, and some trials: what no trial could have is
    /// refused before any begins.
    pub fn check(&self, context: &Context) -> Result<()> {
        for (key, text) in &self.fixed {
            self.alone(context, key, text)?;
        }
        for parameter in self.space.parameters() {
            let name = &parameter.name;
            let key = match name.rsplit_once('.') {
                Some((_, LENGTH)) => continue,
                Some((list, place)) if place.parse::<u64>().is_ok() => list,
                _ => name,
            };
            let kind = &parameter.distribution;
            let values: Vec<f64> = match kind {
                Distribution::Categorical { choices } => {
                    (0..choices.len()).map(|place| place as f64).collect()
                }
                _ => vec![kind.quantile(0.0), kind.quantile(1.0)],
            };
            for value in values {
                self.alone(context, key, &typed(&kind.external(value)))?;
            }
        }
        self.some_trial(context)
    }

    /// Whether a value can stand behind a key, whatever the others are.
    fn alone(&self, context: &Context, key: &str, text: &str) -> Result<()> {
        match Recipe::default().set([(key, text)]) {
            // These depend on other keys.
            Ok(_) | Err(TrainError::Option { .. } | TrainError::NotItsOwn { .. }) => Ok(()),
            Err(error) => Err(failure(context, &error)),
        }
    }

    /// Whether any of some trials can be trained at all.
    fn some_trial(&self, context: &Context) -> Result<()> {
        /// So many are tried.
        const TRIED: u64 = 200;
        let mut first = None;
        for number in 0..TRIED {
            let sampler = samplers::find("random").expect("the simplest sampler");
            let asked = samplers::Asked {
                space: &self.space,
                directions: &[],
                trials: &[],
                seed: self.seed,
                number,
            };
            let assignment = (sampler.sample)(&asked).unwrap_or_default();
            let recipe = self.recipe(&self.values(&assignment));
            // Of as few classes as can be told apart.
            match recipe.and_then(|recipe| built(&recipe)) {
                Ok(_) => return Ok(()),
                Err(error) => drop(first.get_or_insert(error)),
            }
        }
        let reason = first.map(|error| words::Say::message(&error, context.language));
        let said = context.say(SearchMessage::Impossible {
            reason: &reason.unwrap_or_default(),
        });
        Err(Failure::error(Status::Usage, said))
    }

    /// The pruner.
    pub fn pruner(&self) -> Option<pruners::Pruner> {
        // Of several seeds each is a report.
        let warm_up = if self.seeds.len() > 1 {
            0
        } else {
            self.warm_up
        };
        Some(pruners::Pruner {
            startup: self.startup,
            warm_up,
            ..pruners::Pruner::new(pruners::find(&self.pruner)?)
        })
    }
}

/// Whether the network of a recipe can be built; one that begins with given weights is judged with them, when
/// its trial begins.
fn built(recipe: &Recipe) -> Result<(), TrainError> {
    match recipe.model.initial {
        Some(_) => Ok(()),
        None => train::run::network(recipe, None, 2).map(drop),
    }
}

/// A value as it is typed behind a flag: a text without quotes, a list without brackets.
pub fn typed(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(typed).collect();
            values.join(",")
        }
        Value::Null => "none".to_owned(),
        other => other.to_string(),
    }
}

/// What is wrong with a space, with the exit status that it means.
pub fn refused(context: &Context, error: &SpaceError) -> anyhow::Error {
    let message = match error {
        SpaceError::Empty => SearchMessage::Empty {
            range: "rate = { low = 1e-4, high = 1e-1, log = true }",
            choices: "batch = { choices = [16, 32] }",
        },
        SpaceError::Twice { parameter } => SearchMessage::Twice { parameter },
        SpaceError::UpsideDown {
            parameter,
            low,
            high,
        } => {
            let (low, high) = (&low.to_string(), &high.to_string());
            return usage(
                context,
                SearchMessage::UpsideDown {
                    parameter,
                    low,
                    high,
                },
            );
        }
        SpaceError::LogOverZero { parameter, low } => {
            let low = &low.to_string();
            return usage(context, SearchMessage::LogOverZero { parameter, low });
        }
        SpaceError::Step { parameter, step } => {
            let step = &step.to_string();
            return usage(context, SearchMessage::Step { parameter, step });
        }
        SpaceError::Choices { parameter } => SearchMessage::Choices { parameter },
        SpaceError::UnknownCondition { parameter, on } => {
            SearchMessage::UnknownCondition { parameter, on }
        }
        SpaceError::NeverMet {
            parameter,
            on,
            value,
        } => SearchMessage::NeverMet {
            parameter,
            on,
            value,
        },
        SpaceError::Circle { parameter } => SearchMessage::Circle { parameter },
    };
    usage(context, message)
}

/// A refusal of what a person wrote.
pub fn usage(context: &Context, message: SearchMessage<'_>) -> anyhow::Error {
    Failure::error(Status::Usage, context.say(message))
}

/// The parameters of a space as JSON, each distribution as Optuna writes it.
mod parameters {
    use super::{Condition, Distribution, Parameter, Space, Value};
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Written {
        name: String,
        distribution: Value,
        #[serde(skip_serializing_if = "Option::is_none")]
        when: Option<(String, Vec<Value>)>,
    }

    pub fn serialize<S: Serializer>(space: &Space, serializer: S) -> Result<S::Ok, S::Error> {
        let written = space.parameters().iter().map(|parameter| Written {
            name: parameter.name.clone(),
            distribution: parameter.distribution.to_json(),
            when: (parameter.when.as_ref())
                .map(|when| (when.parameter.clone(), when.among.clone())),
        });
        written.collect::<Vec<_>>().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Space, D::Error> {
        let written = Vec::<Written>::deserialize(deserializer)?;
        let parameters: Option<Vec<Parameter>> = (written.into_iter())
            .map(|written| {
                Some(Parameter {
                    name: written.name,
                    distribution: Distribution::from_json(&written.distribution)?,
                    when: (written.when).map(|(parameter, among)| Condition { parameter, among }),
                })
            })
            .collect();
        let parameters = parameters.ok_or_else(|| D::Error::custom("unknown distribution"))?;
        Space::new(parameters).map_err(D::Error::custom)
    }
}
