//! The data sets that can be fetched: where their archives are, and how they are known to be right.

/// A data set as its makers publish it.
#[derive(Clone, Copy, Debug)]
pub struct DataSource {
    /// What it is asked for by.
    pub name: &'static str,
    /// The address that the archives' names are put behind.
    pub address: &'static str,
    /// The archives, the smallest first: a wrong mirror shows early.
    pub archives: &'static [Archive],
}

/// One published file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Archive {
    /// The file's name.
    pub name: &'static str,
    /// Its length, where it is known.
    pub bytes: Option<u64>,
    /// What its content is known by.
    pub checksum: Checksum,
}

/// A published checksum, in hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// SHA-256
    Sha256(&'static str),
    /// MD5: tells a wrong file from the right one, not a forged one.
    Md5(&'static str),
    /// None is published. Whoever fetches must look at the content.
    Unknown,
}

impl Archive {
    /// An archive of known length and SHA-256.
    pub const fn new(name: &'static str, bytes: u64, sha256: &'static str) -> Self {
        Archive {
            name,
            bytes: Some(bytes),
            checksum: Checksum::Sha256(sha256),
        }
    }
}

/// Every data set that can be fetched.
pub const SOURCES: &[DataSource] = &[STANFORD_DOGS];

/// Stanford Dogs (Khosla et al., FGVC 2011): 20,580 photos of 120 classes, for research and
/// education, not for trade. Lengths and checksums as TensorFlow Datasets records them
/// (`url_checksums/stanford_dogs.txt`).
const STANFORD_DOGS: DataSource = DataSource {
    name: "stanford-dogs",
    address: "http://vision.stanford.edu/aditya86/ImageNetDogs/",
    archives: &[
        Archive::new(
            "lists.tar",
            481_280,
            "34b47cacd9a98b5d150e084f24d29391c084c55272295ec65c85651bc35f4d6c",
        ),
        Archive::new(
            "annotation.tar",
            21_852_160,
            "662ed36f707be6b195c2fda392d8e153e83af28cedc8e2134a649f198def30fd",
        ),
        Archive::new(
            "images.tar",
            793_579_520,
            "a443fc2f9a851aa1a7b8e4fa4af94b8459fce2c9f5a2f4dd4669cf9673a4ec58",
        ),
    ],
};
