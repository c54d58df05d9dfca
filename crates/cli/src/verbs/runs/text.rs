//! How runs, their times and their numbers are written for people.
use super::sparkline::sparkline;
use crate::context::Context;
use crate::storage::failure;
use crate::table::Cell;
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use study::{RunRow, State, Storage};
use words::{Language, RunMessage};

/// Headings and states in one language.
pub struct Words {
    /// The language.
    pub language: Language,
}

impl Words {
    /// In this language.
    pub fn new(language: Language) -> Self {
        Words { language }
    }

    /// The text of a message.
    pub fn of(&self, message: RunMessage<'_>) -> String {
        message.text(self.language)
    }

    /// What a column of this name is called.
    pub fn column(&self, name: &str) -> String {
        match name {
            "seed" => self.of(RunMessage::Seed),
            "folder" => self.of(RunMessage::Folder),
            name => name.to_owned(),
        }
    }

    /// A state, told by its word and its colour.
    pub fn state(&self, state: State) -> Cell {
        let (message, color) = match state {
            State::Running => (RunMessage::Running, AnsiColor::Cyan),
            State::Complete => (RunMessage::Complete, AnsiColor::Green),
            State::Failed => (RunMessage::Failed, AnsiColor::Red),
            State::Interrupted => (RunMessage::Interrupted, AnsiColor::Yellow),
        };
        let style = Style::new().fg_color(Some(color.into()));
        Cell::text(self.of(message)).styled(style)
    }
}

/// A value with four significant digits.
pub fn shown(language: Language, value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "-∞" }.to_owned();
    }
    let size = value.abs();
    if size != 0.0 && !(1e-4..1e9).contains(&size) {
        let text = format!("{value:.3e}");
        return match language {
            Language::French => text.replace('.', ","),
            Language::English => text,
        };
    }
    let whole = value.fract() == 0.0;
    let digits = if whole {
        0
    } else {
        3 - size.log10().floor() as i32
    };
    words::number(language, value, digits.clamp(0, 7) as usize)
}

/// Milliseconds as `1 h 02 min`, `3 min 04 s` or `5 s`.
pub fn duration(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {:02} s", seconds % 60),
        _ => format!("{hours} h {minutes:02} min"),
    }
}

/// A time (milliseconds since 1970) by the clock on this computer's wall.
pub fn moment(milliseconds: i64) -> String {
    let Ok(time) = Timestamp::from_millisecond(milliseconds) else {
        return String::new();
    };
    let time = time.to_zoned_datetime(TimeZone::system());
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// A time (milliseconds since 1970) for programs: RFC 3339, UTC.
pub fn instant(milliseconds: i64) -> Option<String> {
    let time = Timestamp::from_millisecond(milliseconds).ok()?;
    Some(time.to_string())
}

/// Where a run is, if it has a folder.
pub fn folder(row: &RunRow) -> String {
    let folder = row.folder.as_ref();
    folder.map_or_else(String::new, |folder| folder.display().to_string())
}

/// Characters of a curve.
const CURVE: usize = 24;

/// The curve of a metric of a run.
pub fn curve(context: &Context, storage: &Storage, run: &str, metric: &str) -> Result<String> {
    let series = storage.series(run, metric);
    let series = series.map_err(|error| failure(context, &error))?;
    let values: Vec<f64> = series.iter().map(|point| point.value).collect();
    Ok(sparkline(&values, CURVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_digits() {
        let english = |value| shown(Language::English, value);
        assert_eq!(english(0.812345), "0.8123");
        assert_eq!(english(0.000123456), "0.0001235");
        assert_eq!(english(0.00001), "1.000e-5");
        assert_eq!(english(-12.5), "-12.50");
        assert_eq!(english(1234.56), "1,235");
        assert_eq!(english(0.0), "0");
        assert_eq!(english(1e12), "1.000e12");
        assert_eq!(english(f64::NAN), "NaN");
        assert_eq!(english(f64::NEG_INFINITY), "-∞");
        assert_eq!(shown(Language::French, 0.812345), "0,8123");
        assert_eq!(shown(Language::French, 1.5e-9), "1,500e-9");
    }

    #[test]
    fn times_are_said_shortly() {
        assert_eq!(duration(-5), "0 s");
        assert_eq!(duration(59_999), "59 s");
        assert_eq!(duration(62_000), "1 min 02 s");
        assert_eq!(duration(3_720_000), "1 h 02 min");
        assert_eq!(instant(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(moment(0).len(), "1970-01-01 00:00".len());
    }
}
