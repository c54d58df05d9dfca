//! A recipe as a table of TOML: its keys found, wherever they stand, and their values checked.
use super::Recipe;
use super::keys::{self, Key};
use crate::TrainError;
use toml::{Table, Value};

/// The table of a recipe, as it is written: each key under its name ([`Key::name`]).
pub(super) fn of(recipe: &Recipe) -> Table {
    let nested = Table::try_from(recipe).expect("a recipe is made of tables and numbers");
    let mut values = Vec::new();
    leaves(nested, "", &mut values).expect("a recipe's own tables");
    let mut table = Table::new();
    for (name, mut value) in values {
        if let Value::Float(number) = &mut value {
            *number = shortest(*number);
        }
        let key = keys::find(&name).expect("a recipe's own key");
        put(&mut table, key.name, value);
    }
    table
}

/// The same values where the recipe's structs have them ([`Key::place`]).
///
/// # Errors
/// An unknown key, one that is given twice, a value of the wrong kind.
pub(super) fn checked(table: Table) -> Result<Table, TrainError> {
    let mut nested = Table::new();
    for (key, value) in values(table)? {
        put(&mut nested, key.place(), value);
    }
    Ok(nested)
}

/// Its keys, each once, with their values.
///
/// # Errors
/// As [`checked`].
pub(super) fn values(table: Table) -> Result<Vec<(&'static Key, Value)>, TrainError> {
    let mut values = Vec::new();
    leaves(table, "", &mut values)?;
    let mut found = Vec::new();
    let mut seen: Vec<(&Key, String)> = Vec::new();
    for (name, value) in values {
        let key = keys::find(&name)?;
        key.kind.check(&name, &value)?;
        if let Some((_, other)) = seen.iter().find(|(known, _)| known.name == key.name) {
            let (key, other) = (other.clone(), name);
            return Err(TrainError::KeyTwice { key, other });
        }
        seen.push((key, name));
        found.push((key, value));
    }
    Ok(found)
}

/// The values in a table and in the tables in it, by their names joined with dots.
fn leaves(table: Table, above: &str, found: &mut Vec<(String, Value)>) -> Result<(), TrainError> {
    for (name, value) in table {
        let whole = match above {
            "" => name,
            _ => format!("{above}.{name}"),
        };
        match value {
            Value::Table(inner) if inner.is_empty() && !keys::is_table(&whole) => {
                return Err(keys::unknown(&whole));
            }
            Value::Table(inner) => leaves(inner, &whole, found)?,
            _ if above.is_empty() => return Err(keys::unknown(&whole)),
            value => found.push((whole, value)),
        }
    }
    Ok(())
}

/// Puts a value under a name joined with dots.
pub(super) fn put(table: &mut Table, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            table.insert(name.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = table
                .entry(first)
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

/// Takes away the value under a name joined with dots.
pub(super) fn remove(table: &mut Table, name: &str) {
    match name.split_once('.') {
        None => {
            table.remove(name);
        }
        Some((first, rest)) => {
            if let Some(Value::Table(inner)) = table.get_mut(first) {
                remove(inner, rest);
            }
        }
    }
}

/// What was an f32, with the fewest digits that are read as the same f32: 0.1 rather than
/// 0.10000000149011612.
fn shortest(number: f64) -> f64 {
    let narrow = number as f32;
    if f64::from(narrow) == number {
        narrow.to_string().parse().unwrap_or(number)
    } else {
        number
    }
}
