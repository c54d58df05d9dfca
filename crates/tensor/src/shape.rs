//! The shape of a tensor: up to five dimensions, outermost first.
use std::fmt;

/// Most dimensions a shape may have.
const MAX_RANK: usize = 5;

/// The dimensions of a tensor, outermost first: `[N, H, W, C]` for a batch of images,
/// `[KH, KW, C, OC]` for the weights of a convolution, `[]` for a scalar.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape {
    rank: u8,
    dimensions: [usize; MAX_RANK],
}

impl Shape {
    /// A shape of these dimensions.
    ///
    /// # Panics
    /// With more than five dimensions.
    pub fn new(dimensions: &[usize]) -> Self {
        assert!(
            dimensions.len() <= MAX_RANK,
            "a shape has at most {MAX_RANK} dimensions"
        );
        let mut stored = [1; MAX_RANK];
        stored[..dimensions.len()].copy_from_slice(dimensions);
        Shape {
            rank: dimensions.len() as u8,
            dimensions: stored,
        }
    }

    /// A shape of these dimensions, or `None` with more than five (a file may claim anything).
    pub fn checked(dimensions: &[usize]) -> Option<Self> {
        (dimensions.len() <= MAX_RANK).then(|| Shape::new(dimensions))
    }

    /// The dimensions, outermost first.
    pub fn dimensions(&self) -> &[usize] {
        &self.dimensions[..self.rank as usize]
    }

    /// How many dimensions.
    pub fn rank(&self) -> usize {
        self.rank as usize
    }

    /// How many elements a tensor of this shape has, or `None` where that does not fit a `usize`
    /// (a damaged file may claim anything).
    pub fn checked_elements(&self) -> Option<usize> {
        self.dimensions()
            .iter()
            .try_fold(1usize, |product, &d| product.checked_mul(d))
    }

    /// How many elements a tensor of this shape has.
    ///
    /// # Panics
    /// Where the product does not fit a `usize`; see [`Shape::checked_elements`].
    pub fn elements(&self) -> usize {
        self.checked_elements()
            .expect("a shape whose elements can be counted")
    }

    /// The innermost dimension: the channels of NHWC; 1 for a scalar.
    pub fn channels(&self) -> usize {
        self.dimensions().last().copied().unwrap_or(1)
    }
}

impl<const RANK: usize> From<[usize; RANK]> for Shape {
    fn from(dimensions: [usize; RANK]) -> Self {
        Shape::new(&dimensions)
    }
}

impl From<&[usize]> for Shape {
    fn from(dimensions: &[usize]) -> Self {
        Shape::new(dimensions)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[")?;
        for (index, dimension) in self.dimensions().iter().enumerate() {
            if index > 0 {
                formatter.write_str(", ")?;
            }
            write!(formatter, "{dimension}")?;
        }
        formatter.write_str("]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_prints() {
        let shape = Shape::from([2, 7, 7, 3]);
        assert_eq!(
            (shape.elements(), shape.channels(), shape.rank()),
            (294, 3, 4)
        );
        assert_eq!(shape.to_string(), "[2, 7, 7, 3]");
        assert_eq!(Shape::from([]).elements(), 1);
        assert_eq!(Shape::from([usize::MAX, 2]).checked_elements(), None);
        assert_eq!(Shape::checked(&[1; 6]), None);
        assert_ne!(Shape::from([1, 3]), Shape::from([3]));
    }
}
