//! The kinds of things that a check finds, and how they are called.

use serde::Serialize;
use words::ReportMessage;

/// What can be found about a photo, a pair of photos or a class. The order is that of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The same picture under two classes.
    TwinsAcrossClasses,
    /// The same picture in two parts.
    TwinsAcrossSplits,
    /// The same file twice on one side under one class.
    SameFile,
    /// The same picture twice on one side under one class.
    Twins,
    /// A photo that cannot be read (cut off, damaged, missing, changed).
    Unreadable,
    /// Its name or annotation tells another class, or a table tells two.
    Mislabelled,
    /// Its neighbours, or networks that never saw it, say another class.
    LabelSuspect,
    /// The ending of its name is not that of its content.
    FakeExtension,
    /// A side is very short.
    Tiny,
    /// Very dark.
    Dark,
    /// Very bright.
    Bright,
    /// Nothing is sharp.
    Blurred,
    /// It shows nearly nothing.
    LowInformation,
    /// It has no colour.
    Gray,
    /// Very wide or very high.
    OddAspect,
    /// The camera was held sideways and the file says so: tools that ignore it see the photo lying.
    Rotated,
    /// A box is empty or leaves the photo.
    BoxOutside,
    /// A class of a wild dog, which is no breed.
    WildCanid,
    /// A class with far fewer or far more photos than the others.
    Imbalance,
}

impl Kind {
    /// All of them, in the order of reports.
    pub const ALL: [Kind; 19] = [
        Kind::TwinsAcrossClasses,
        Kind::TwinsAcrossSplits,
        Kind::SameFile,
        Kind::Twins,
        Kind::Unreadable,
        Kind::Mislabelled,
        Kind::LabelSuspect,
        Kind::FakeExtension,
        Kind::Tiny,
        Kind::Dark,
        Kind::Bright,
        Kind::Blurred,
        Kind::LowInformation,
        Kind::Gray,
        Kind::OddAspect,
        Kind::Rotated,
        Kind::BoxOutside,
        Kind::WildCanid,
        Kind::Imbalance,
    ];

    /// As in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::TwinsAcrossClasses => "twins_across_classes",
            Kind::TwinsAcrossSplits => "twins_across_splits",
            Kind::SameFile => "same_file",
            Kind::Twins => "twins",
            Kind::Unreadable => "unreadable",
            Kind::Mislabelled => "mislabelled",
            Kind::LabelSuspect => "label_suspect",
            Kind::FakeExtension => "fake_extension",
            Kind::Tiny => "tiny",
            Kind::Dark => "dark",
            Kind::Bright => "bright",
            Kind::Blurred => "blurred",
            Kind::LowInformation => "low_information",
            Kind::Gray => "gray",
            Kind::OddAspect => "odd_aspect",
            Kind::Rotated => "rotated",
            Kind::BoxOutside => "box_outside",
            Kind::WildCanid => "wild_canid",
            Kind::Imbalance => "imbalance",
        }
    }

    /// What it is called.
    pub fn message(self) -> ReportMessage<'static> {
        match self {
            Kind::TwinsAcrossClasses => ReportMessage::CheckTwinsAcrossClasses,
            Kind::TwinsAcrossSplits => ReportMessage::CheckTwinsAcrossSplits,
            Kind::SameFile => ReportMessage::CheckSameFile,
            Kind::Twins => ReportMessage::CheckTwins,
            Kind::Unreadable => ReportMessage::CheckUnreadable,
            Kind::Mislabelled => ReportMessage::CheckMislabelled,
            Kind::LabelSuspect => ReportMessage::CheckLabelSuspect,
            Kind::FakeExtension => ReportMessage::CheckFakeExtension,
            Kind::Tiny => ReportMessage::CheckTiny,
            Kind::Dark => ReportMessage::CheckDark,
            Kind::Bright => ReportMessage::CheckBright,
            Kind::Blurred => ReportMessage::CheckBlurred,
            Kind::LowInformation => ReportMessage::CheckLowInformation,
            Kind::Gray => ReportMessage::CheckGray,
            Kind::OddAspect => ReportMessage::CheckOddAspect,
            Kind::Rotated => ReportMessage::CheckRotated,
            Kind::BoxOutside => ReportMessage::CheckBoxOutside,
            Kind::WildCanid => ReportMessage::CheckWildCanid,
            Kind::Imbalance => ReportMessage::CheckImbalance,
        }
    }
}
