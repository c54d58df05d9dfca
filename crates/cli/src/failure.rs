//! How a command ends: the exit status, and the error that a person reads.
use std::fmt;
use std::process::ExitCode;
use words::{FileMessage, Say as _};

/// The exit statuses, as the README lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Something could not be done; also when any photo of several could not be read.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The data set or the model file cannot be used.
    Unusable = 3,
    /// It was interrupted, by Ctrl-C or by the system's end.
    Interrupted = crate::interrupt::STATUS as isize,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        ExitCode::from(status as u8)
    }
}

/// An error with the exit status that it ends in. The message is in the person's language already.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub status: Status,
    /// What to print; empty where everything was said already.
    pub message: String,
}

impl Failure {
    /// Something could not be done.
    pub fn error(status: Status, message: impl Into<String>) -> anyhow::Error {
        Failure {
            status,
            message: message.into(),
        }
        .into()
    }

    /// Ends with a status after everything was said.
    pub fn silent(status: Status) -> anyhow::Error {
        Failure {
            status,
            message: String::new(),
        }
        .into()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Prints the error and gives its exit status.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if is_broken_pipe(error) {
        return ExitCode::SUCCESS;
    }
    if let Some(failure) = error.downcast_ref::<Failure>() {
        if !failure.message.is_empty() {
            eprintln!("museau: {}", failure.message);
        }
        return failure.status.into();
    }
    // What the system says of a file has the file's name around it; this is of the output itself.
    if let [cause] = error.chain().collect::<Vec<_>>()[..]
        && let Some(error) = cause.downcast_ref::<std::io::Error>()
    {
        let language = crate::language::typed_language();
        let reason = &error.message(language);
        eprintln!(
            "museau: {}",
            FileMessage::NoOutput { reason }.message(language)
        );
        return Status::Failed.into();
    }
    eprintln!("museau: {}", words::plain_line(&format!("{error:#}")));
    Status::Failed.into()
}

/// Whether the reader of our output went away (`museau classify ... | head`), which is no error.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
