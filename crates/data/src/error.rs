//! Why the workbench cannot go on, in the person's language.

use std::io;
use std::path::{Path, PathBuf};

use words::{DataMessage, FileMessage, Language, Said, Say};

use crate::DatasetError;

/// Why a command on a data set cannot go on. What is wrong with single photos is never an error:
/// it is counted and named.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A folder is no data set.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// A table cannot be understood.
    #[error("{}, line {line}: {fault}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong there.
        fault: TableFault,
    },
    /// An archive is not one, or is cut off.
    #[error("the archive {} cannot be used: {fault}", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: ArchiveFault,
    },
    /// No photo that can be used was found.
    #[error("{} holds no photo that can be used", path.display())]
    Nothing {
        /// The folder, archive or table.
        path: PathBuf,
    },
    /// A check's report says nothing about photos of the data set.
    #[error("{} says nothing about photos of this data set", path.display())]
    NothingToReview {
        /// The report.
        path: PathBuf,
    },
    /// A class is asked for that the data set does not have.
    #[error("no class is called '{name}'")]
    UnknownClass {
        /// The name.
        name: String,
        /// A name of a class that there is.
        nearest: Option<String>,
    },
    /// More classes are asked for than the data set has, or none.
    #[error("{wanted} classes are asked for, of {classes}")]
    ClassCount {
        /// How many.
        wanted: usize,
        /// How many there are.
        classes: usize,
    },
    /// Two classes of one data set would become one when it is joined with others.
    #[error("the classes '{}' and '{}' of {source_name} would become one, '{name}'", classes[0], classes[1])]
    ClassesClash {
        /// The data set.
        source_name: String,
        /// The two classes.
        classes: [String; 2],
        /// The class that both would become.
        name: String,
    },
    /// Data sets that are joined have photos in different classes.
    #[error("{count} photos are in different classes, '{}' first", photos[0])]
    PhotoOfTwoClasses {
        /// How many.
        count: usize,
        /// The first of them, as both data sets name it.
        photos: [String; 2],
        /// Its class in both.
        classes: [String; 2],
    },
}

/// What is wrong in a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TableFault {
    /// It is empty.
    #[error("the table is empty")]
    Empty,
    /// It has no column of this meaning.
    #[error("no column holds the {0}")]
    NoColumn(String),
    /// A text is not in the encoding.
    #[error("the text is not in the encoding {0}")]
    Encoding(String),
    /// Two columns have this name.
    #[error("two columns are called '{0}'")]
    ColumnTwice(String),
    /// It has more classes than can be counted together.
    #[error("it has {found} classes, more than {most}")]
    Classes {
        /// How many.
        found: usize,
        /// The most that it may have.
        most: usize,
    },
    /// A row is about what a row before is about.
    #[error("'{name}' stands in line {first} already")]
    RowTwice {
        /// What it is about: a photo.
        name: String,
        /// The line of the first, from 1.
        first: u64,
    },
    /// A line has too few or too many fields.
    #[error("a field is missing or in excess")]
    Fields,
    /// A field does not hold what it should.
    #[error("'{value}' is no {column}")]
    Value {
        /// The column.
        column: String,
        /// The text that stands there.
        value: String,
    },
}

/// What is wrong with an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveFault {
    /// It is no tar.
    #[error("it is not a tar archive")]
    NotATar,
    /// It is a compressed tar, whose photos cannot be read in place.
    #[error("it is compressed")]
    Compressed,
    /// It ends before what it announces does.
    #[error("it is cut off")]
    CutOff,
}

impl Error {
    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
        move |source| Error::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn write(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
        move |source| Error::Write {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn table(path: &Path, line: u64, fault: TableFault) -> Error {
        Error::Table {
            path: path.to_owned(),
            line,
            fault,
        }
    }
}

impl Say for Error {
    fn say(&self, language: Language) -> Said {
        let shown = |path: &Path| path.display().to_string();
        match self {
            Error::Read { path, source } => {
                let (path, reason) = (&shown(path), &source.message(language));
                let said = FileMessage::CannotRead { path, reason }.say(language);
                said.because(source, language)
            }
            Error::Write { path, source } => {
                let (path, reason) = (&shown(path), &source.message(language));
                let said = FileMessage::CannotWrite { path, reason }.say(language);
                said.because(source, language)
            }
            Error::Dataset(error) => error.say(language),
            Error::Table { path, line, fault } => {
                let reason = &match fault {
                    TableFault::Empty => DataMessage::TableEmpty.text(language),
                    TableFault::NoColumn(column) => {
                        DataMessage::TableNoColumn { column }.text(language)
                    }
                    TableFault::Encoding(encoding) => {
                        DataMessage::TableEncoding { encoding }.text(language)
                    }
                    TableFault::ColumnTwice(column) => {
                        DataMessage::TableColumnTwice { column }.text(language)
                    }
                    TableFault::Classes { found, most } => {
                        let (found, most) = (&found.to_string(), &most.to_string());
                        DataMessage::TableClasses { found, most }.text(language)
                    }
                    TableFault::RowTwice { name, first } => {
                        let first = &first.to_string();
                        DataMessage::TableRowTwice { name, first }.text(language)
                    }
                    TableFault::Fields => DataMessage::TableFields.text(language),
                    TableFault::Value { column, value } => {
                        DataMessage::TableValue { column, value }.text(language)
                    }
                };
                let (path, line) = (&shown(path), &line.to_string());
                DataMessage::Table { path, line, reason }.say(language)
            }
            Error::Archive { path, fault } => {
                let reason = &match fault {
                    ArchiveFault::NotATar => DataMessage::ArchiveNotATar.text(language),
                    ArchiveFault::Compressed => DataMessage::ArchiveCompressed.text(language),
                    ArchiveFault::CutOff => DataMessage::ArchiveCutOff.text(language),
                };
                let path = &shown(path);
                DataMessage::Archive { path, reason }.say(language)
            }
            Error::Nothing { path } => {
                let path = &shown(path);
                DataMessage::Nothing { path }.say(language)
            }
            Error::NothingToReview { path } => {
                let path = &shown(path);
                DataMessage::ReviewNothing { path }.say(language)
            }
            Error::UnknownClass { name, nearest } => {
                let unknown = DataMessage::UnknownClass { name };
                unknown
                    .say(language)
                    .with_meant(nearest.as_deref(), language)
            }
            Error::ClassCount { wanted, classes } => {
                let (wanted, classes) = (&wanted.to_string(), &classes.to_string());
                DataMessage::ClassCount { wanted, classes }.say(language)
            }
            Error::ClassesClash {
                source_name,
                classes: [one, other],
                name,
            } => DataMessage::ClassesClash {
                source: source_name,
                one,
                other,
                name,
            }
            .say(language),
            Error::PhotoOfTwoClasses {
                count,
                photos: [photo, other_photo],
                classes: [class, other_class],
            } => DataMessage::PhotoOfTwoClasses {
                count: &count.to_string(),
                photo,
                class,
                other_photo,
                other_class,
            }
            .say(language),
        }
    }
}
