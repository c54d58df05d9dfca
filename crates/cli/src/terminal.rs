//! Where everything is printed. What was named by strangers passes one filter here
//! ([`words::plain`]), so that no file's name moves the cursor of whoever reads; JSON stays what it
//! was, since it is escaped as JSON escapes.
#![expect(clippy::disallowed_methods, reason = "the only place that prints")]

use std::io::{self, IsTerminal, Stderr, StdoutLock, Write};
use std::path::Path;

/// Prints a line on stderr. It stands before that of the standard library, which filters nothing.
macro_rules! eprintln {
    ($($argument:tt)*) => {
        $crate::terminal::line_on_stderr(format_args!($($argument)*))
    };
}

/// A path as a part of a line.
pub fn shown(path: &Path) -> String {
    words::plain_line(&path.display().to_string()).into_owned()
}

/// Writes a line on stderr; there is nobody to tell where that fails.
pub fn line_on_stderr(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(stderr(), "{line}");
}

/// Where results go.
pub fn stdout() -> Plain<StdoutLock<'static>> {
    Plain(io::stdout().lock())
}

/// Where a table goes whose cells must reach a file as they are: filtered for a person alone.
pub fn table() -> Box<dyn Write> {
    match io::stdout().is_terminal() {
        true => Box::new(stdout()),
        false => Box::new(io::stdout().lock()),
    }
}

/// Where text with our own colours goes: what is not our own must have passed
/// [`words::plain_line`] before, as the cells of `crate::table` have.
pub fn styled() -> anstream::AutoStream<StdoutLock<'static>> {
    anstream::stdout().lock()
}

/// Where talk goes.
pub fn stderr() -> Plain<Stderr> {
    Plain(io::stderr())
}

/// Where the log goes, which colours its lines and escapes what they say itself.
pub fn log() -> Stderr {
    io::stderr()
}

/// Whether a person reads what stderr is told.
pub fn stderr_is_terminal() -> bool {
    io::stderr().is_terminal()
}

/// The characters of a line of the terminal; nothing where the output is no terminal.
pub fn width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(usize::from(width.0))
}

/// Writes nothing but text and the ends of lines.
pub struct Plain<W>(W);

impl<W: Write> Write for Plain<W> {
    /// Takes whole texts, as `write!` gives them.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.write_all(words::plain(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_and_lines_pass() {
        let mut out = Plain(Vec::new());
        let (name, label) = ("a\u{1b}]0;x\u{7}\u{9b}2J.jpg", "é\u{202e}");
        writeln!(out, "{name}: {label}").unwrap();
        let written = String::from_utf8(out.0).unwrap();
        assert_eq!(written, "a\\u001b]0;x\\u0007\\u009b2J.jpg: é\\u202e\n");
    }
}
