//! A space file: a recipe in which values may be ranges, and a table `[search]` for the search itself.
use super::plan::{LENGTH, Objective, PATHS, Plan, refused, typed, usage, whole};
use crate::context::Context;
use crate::data_set::failed;
use crate::verbs::train::failure;
use anyhow::Result;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use study::{Condition, Distribution, Parameter, Space, pruners, samplers};
use toml::{Table, Value as Toml};
use train::TrainError;
use train::recipe::{self, Kind};
use words::SearchMessage;

/// The keys of `[search]`.
const KEYS: [&str; 10] = [
    "name",
    "objective",
    "trials",
    "sampler",
    "pruner",
    "startup",
    "warm_up",
    "seed",
    "seeds",
    "output",
];

/// The keys of a range.
const RANGE: [&str; 8] = [
    "low", "high", "log", "step", "choices", "each", LENGTH, "when",
];

/// What a file says.
pub struct Asked {
    /// Its name for the study; none where it gives none.
    pub name: Option<String>,
    /// The rest.
    pub plan: Plan,
}

/// Reads a space file. Paths in it start at its folder.
pub fn read(context: &Context, path: &Path) -> Result<Asked> {
    let text = tensor::read_text(path).map_err(|source| {
        let path = path.to_owned();
        failed(context)(data::Error::Read { path, source })
    })?;
    let mut table = text.parse::<Table>().map_err(|error| {
        let reason = error.to_string().trim_end().to_owned();
        failure(context, &TrainError::Toml { reason })
    })?;
    let search = match table.remove("search") {
        None => Table::new(),
        Some(Toml::Table(search)) => search,
        Some(other) => return Err(value(context, "search", &other)),
    };
    let mut reader = Reader::new(context);
    reader.table("", table)?;
    let Reader {
        mut fixed,
        parameters,
        ..
    } = reader.resolved()?;
    let folder = path.parent().unwrap_or(Path::new(""));
    for key in PATHS {
        if let Some(text) = fixed.get_mut(key) {
            *text = whole(key, text, folder);
        }
    }
    let space = Space::new(parameters).map_err(|error| refused(context, &error))?;
    section(context, &search, fixed, space)
}

/// What `[search]` says.
fn section(
    context: &Context,
    search: &Table,
    fixed: BTreeMap<String, String>,
    space: Space,
) -> Result<Asked> {
    for (key, _) in search {
        if !KEYS.contains(&key.as_str()) {
            return Err(unknown(
                context,
                &format!("search.{key}"),
                &KEYS.map(|key| format!("search.{key}")),
            ));
        }
    }
    let wrong = |key: &str| value(context, &format!("search.{key}"), &search[key]);
    let text = |key: &str| match search.get(key) {
        None => Ok(None),
        Some(found) => found
            .as_str()
            .map(|text| Some(text.to_owned()))
            .ok_or_else(|| wrong(key)),
    };
    let whole = |key: &str, otherwise: u64| match search.get(key) {
        None => Ok(otherwise),
        Some(found) => {
            let number = found
                .as_integer()
                .and_then(|number| u64::try_from(number).ok());
            number.ok_or_else(|| wrong(key))
        }
    };
    let one_or_more = |key: &str| -> Vec<Toml> {
        match search.get(key) {
            None => Vec::new(),
            Some(Toml::Array(all)) => all.clone(),
            Some(one) => vec![one.clone()],
        }
    };
    let named = |key: &str, otherwise: &str, known: Vec<&str>| -> Result<String> {
        let name = text(key)?.unwrap_or_else(|| otherwise.to_owned());
        match known.contains(&name.as_str()) {
            true => Ok(name),
            false => Err(unknown(context, &name, &known)),
        }
    };
    let mut objectives = Vec::new();
    for objective in one_or_more("objective") {
        let name = objective.as_str().ok_or_else(|| wrong("objective"))?;
        objectives.push(self::objective(context, name)?);
    }
    if objectives.is_empty() {
        objectives.push(Objective::ValAccuracy);
    }
    let seeds = one_or_more("seeds").into_iter().map(|seed| {
        let seed = seed.as_integer().and_then(|seed| u64::try_from(seed).ok());
        seed.ok_or_else(|| wrong("seeds"))
    });
    Ok(Asked {
        name: text("name")?,
        plan: Plan {
            museau: env!("CARGO_PKG_VERSION").to_owned(),
            fixed,
            space,
            objectives,
            sampler: named("sampler", SAMPLER, names_of_samplers())?,
            pruner: named("pruner", PRUNER, names_of_pruners())?,
            startup: whole("startup", 5)? as usize,
            warm_up: whole("warm_up", 3)?.cast_signed(),
            trials: whole("trials", 20)?,
            seed: whole("seed", 1)?,
            seeds: seeds.collect::<Result<_>>()?,
            output: text("output")?.unwrap_or_default(),
        },
    })
}

/// The sampler where none is named.
const SAMPLER: &str = "tpe";

/// The pruner where none is named.
const PRUNER: &str = "median";

/// The names of all samplers.
pub fn names_of_samplers() -> Vec<&'static str> {
    samplers::all().iter().map(|sampler| sampler.name).collect()
}

/// The names of all pruners.
pub fn names_of_pruners() -> Vec<&'static str> {
    pruners::all().iter().map(|pruner| pruner.name).collect()
}

/// The objective of this name.
pub fn objective(context: &Context, name: &str) -> Result<Objective> {
    let all = <Objective as clap::ValueEnum>::value_variants();
    let found = all.iter().find(|objective| objective.name() == name);
    let known: Vec<&str> = all.iter().map(|objective| objective.name()).collect();
    found.copied().ok_or_else(|| unknown(context, name, &known))
}

/// That there is nothing of this name, and which there are.
pub fn unknown(context: &Context, name: &str, known: &[impl AsRef<str>]) -> anyhow::Error {
    let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
    let nearest = words::nearest(name, known.iter().map(|known| (*known, *known)));
    let known = &known.join(", ");
    match nearest {
        Some(nearest) => usage(context, SearchMessage::UnknownNear { name, nearest }),
        None => usage(context, SearchMessage::Unknown { name, known }),
    }
}

fn value(context: &Context, key: &str, value: &Toml) -> anyhow::Error {
    let value = &value.to_string();
    let message = SearchMessage::Value {
        key,
        value,
        range: "{ low = 1, high = 8 }",
        choices: "{ choices = [1, 2] }",
        list: "{ each = { low = 8, high = 64 }, length = { low = 2, high = 4 } }",
    };
    usage(context, message)
}

/// Goes through the tables of a file.
struct Reader<'a> {
    context: &'a Context,
    fixed: BTreeMap<String, String>,
    parameters: Vec<Parameter>,
}

impl<'a> Reader<'a> {
    fn new(context: &'a Context) -> Self {
        Reader {
            context,
            fixed: BTreeMap::new(),
            parameters: Vec::new(),
        }
    }

    /// The keys of a table, whose own name stands above.
    fn table(&mut self, above: &str, table: Table) -> Result<()> {
        for (name, value) in table {
            let whole = match above {
                "" => name,
                _ => format!("{above}.{name}"),
            };
            match value {
                Toml::Table(inner) if !is_range(&inner) => self.table(&whole, inner)?,
                Toml::Table(range) => self.range(&whole, &range)?,
                value => {
                    let key = self.key(&whole)?;
                    self.fixed
                        .insert(key.name.to_owned(), typed(&plain(&value)));
                }
            }
        }
        Ok(())
    }

    fn key(&self, name: &str) -> Result<&'static recipe::Key> {
        recipe::find(name).map_err(|error| failure(self.context, &error))
    }

    /// A range behind a key.
    fn range(&mut self, name: &str, range: &Table) -> Result<()> {
        let key = self.key(name)?;
        for (word, _) in range {
            if !RANGE.contains(&word.as_str()) {
                let known = RANGE.map(|word| format!("{name}.{word}"));
                return Err(unknown(self.context, &format!("{name}.{word}"), &known));
            }
        }
        let when = match range.get("when") {
            None => None,
            Some(when) => Some(self.condition(name, when)?),
        };
        let Some(each) = range.get("each") else {
            let distribution = self.distribution(name, key.kind, range)?;
            self.parameters.push(Parameter {
                name: key.name.to_owned(),
                distribution,
                when,
            });
            return Ok(());
        };
        let wrong = || value(self.context, name, &Toml::Table(range.clone()));
        let each = each.as_table().ok_or_else(wrong)?;
        let element = self.distribution(name, Kind::Whole, each)?;
        let length = match range.get(LENGTH).ok_or_else(wrong)? {
            Toml::Integer(length) => Distribution::whole(*length, *length),
            Toml::Table(length) => self.distribution(name, Kind::Whole, length)?,
            _ => return Err(wrong()),
        };
        let Distribution::Int { low, high, .. } = length else {
            return Err(wrong());
        };
        if key.kind != Kind::Wholes || low < 1 || high > MOST {
            return Err(wrong());
        }
        let of_length = format!("{}.{LENGTH}", key.name);
        self.parameters.push(Parameter {
            name: of_length.clone(),
            distribution: length.clone(),
            when: when.clone(),
        });
        for place in 1..=high {
            // An element exists where the list is at least so long.
            let lengths =
                (place.max(low)..=high).filter(|length_| length.contains(*length_ as f64));
            let among: Vec<Value> = lengths.map(Value::from).collect();
            self.parameters.push(Parameter {
                name: format!("{}.{place}", key.name),
                distribution: element.clone(),
                when: Some(Condition {
                    parameter: of_length.clone(),
                    among,
                }),
            });
        }
        Ok(())
    }

    /// What a parameter may be.
    fn distribution(&self, name: &str, kind: Kind, range: &Table) -> Result<Distribution> {
        let wrong = || value(self.context, name, &Toml::Table(range.clone()));
        if let Some(choices) = range.get("choices") {
            let others = ["low", "high", "log", "step"];
            let choices = choices
                .as_array()
                .filter(|_| others.iter().all(|key| !range.contains_key(*key)));
            let choices = choices.ok_or_else(wrong)?;
            return Ok(Distribution::Categorical {
                choices: choices.iter().map(choice).collect(),
            });
        }
        let (low, high) = (range.get("low"), range.get("high"));
        let (low, high) = low.zip(high).ok_or_else(wrong)?;
        let log = match range.get("log") {
            None => false,
            Some(log) => log.as_bool().ok_or_else(wrong)?,
        };
        let step = range.get("step");
        let whole = match kind {
            // One number for a list of one.
            Kind::Whole | Kind::Wholes => true,
            Kind::Number => false,
            _ => return Err(wrong()),
        };
        if whole {
            let integer = |value: &Toml| value.as_integer().ok_or_else(wrong);
            return Ok(Distribution::Int {
                low: integer(low)?,
                high: integer(high)?,
                log,
                step: step.map_or(Ok(1), integer)?,
            });
        }
        let number = |value: &Toml| {
            let whole = || value.as_integer().map(|whole| whole as f64);
            value.as_float().or_else(whole).ok_or_else(wrong)
        };
        Ok(Distribution::Float {
            low: number(low)?,
            high: number(high)?,
            log,
            step: step.map(number).transpose()?,
        })
    }

    /// `{ "optimizer.name" = "sgd" }`, or several values in a list.
    fn condition(&self, name: &str, when: &Toml) -> Result<Condition> {
        let wrong = || value(self.context, &format!("{name}.when"), when);
        let mut pairs = Vec::new();
        flat("", when.as_table().ok_or_else(wrong)?, &mut pairs);
        let [(parameter, value)] = &pairs[..] else {
            return Err(wrong());
        };
        let among = match value {
            Toml::Array(values) => values.iter().map(choice).collect(),
            one => vec![choice(one)],
        };
        // A list's length has no key of its own.
        let parameter = match parameter.strip_suffix(&format!(".{LENGTH}")) {
            Some(list) => format!("{}.{LENGTH}", self.key(list)?.name),
            None => self.key(parameter)?.name.to_owned(),
        };
        Ok(Condition { parameter, among })
    }

    /// With what depends on a setting that stays decided.
    fn resolved(mut self) -> Result<Self> {
        let (fixed, context) = (&self.fixed, self.context);
        let names: Vec<String> = self
            .parameters
            .iter()
            .map(|known| known.name.clone())
            .collect();
        let mut unknown_on = None;
        self.parameters.retain_mut(|parameter| {
            let Some(when) = &parameter.when else {
                return true;
            };
            if let Some(text) = fixed.get(&when.parameter) {
                let met = when.among.iter().any(|value| typed(value) == *text);
                parameter.when = None;
                return met;
            }
            if !names.contains(&when.parameter) {
                unknown_on = Some((parameter.name.clone(), when.parameter.clone()));
            }
            true
        });
        match unknown_on {
            Some((parameter, on)) => {
                let (parameter, on) = (&parameter, &on);
                Err(usage(
                    context,
                    SearchMessage::UnknownCondition { parameter, on },
                ))
            }
            None => Ok(self),
        }
    }
}

/// A list has at most so many elements.
const MOST: i64 = 64;

/// Whether a table is a range rather than a section of a recipe.
fn is_range(table: &Table) -> bool {
    table.keys().any(|key| RANGE.contains(&key.as_str()))
}

/// The values in tables, by their names joined with dots.
fn flat(above: &str, table: &Table, found: &mut Vec<(String, Toml)>) {
    for (name, value) in table {
        let whole = match above {
            "" => name.clone(),
            _ => format!("{above}.{name}"),
        };
        match value {
            Toml::Table(inner) => flat(&whole, inner, found),
            value => found.push((whole, value.clone())),
        }
    }
}

/// A value as JSON.
fn plain(value: &Toml) -> Value {
    match value {
        Toml::String(text) => Value::from(text.as_str()),
        Toml::Integer(number) => Value::from(*number),
        Toml::Float(number) => Value::from(*number),
        Toml::Boolean(yes) => Value::from(*yes),
        Toml::Array(values) => values.iter().map(plain).collect(),
        other => Value::from(other.to_string()),
    }
}

/// A choice: of a list its text, since choices are texts and numbers.
fn choice(value: &Toml) -> Value {
    match plain(value) {
        Value::Array(values) => Value::from(typed(&Value::Array(values))),
        other => other,
    }
}
