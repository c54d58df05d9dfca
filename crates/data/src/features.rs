//! A table of features of photos, whoever made them: a row a photo, and how alike two photos are.

use std::ops::Range;

use kernels::{Activation, Isa, dense::PackedDense};
use tensor::Pool;
use vision::Photo;

use crate::manifest::{Entry, Manifest};
use crate::parallel::{self, Progress};

/// Features of the photos of a manifest.
#[derive(Clone, Debug)]
pub struct Features {
    /// Values a row.
    length: usize,
    /// A row for each of [`Manifest::all_entries`], of Euclidean length 1; zeros where there is none.
    values: Vec<f32>,
    known: Vec<bool>,
}

impl Features {
    /// From a row for each of [`Manifest::all_entries`]; rows of another length than the first are
    /// as none.
    pub fn new(rows: Vec<Option<Vec<f32>>>) -> Self {
        let length = rows.iter().flatten().next().map_or(0, Vec::len);
        let mut values = vec![0.0; length * rows.len()];
        let mut known = Vec::with_capacity(rows.len());
        for (index, row) in rows.into_iter().enumerate() {
            let row = row.filter(|row| row.len() == length);
            let norm = row.as_ref().map_or(0.0, |row| norm(row));
            known.push(norm > 0.0 && norm.is_finite());
            if let Some(row) = row.filter(|_| known[index]) {
                for (value, own) in values[index * length..].iter_mut().zip(row) {
                    *value = own / norm;
                }
            }
        }
        Features {
            length,
            values,
            known,
        }
    }

    /// Features of each photo, but of test photos only `with_test`: what `kept` has of
    /// before, else what `make` gives for the photo. One that has changed since it was imported has
    /// none.
    pub fn compute(
        manifest: &Manifest,
        with_test: bool,
        threads: usize,
        progress: Progress<'_>,
        kept: &(dyn Fn(&Entry) -> Option<Vec<f32>> + Sync),
        make: &(dyn Fn(&Photo) -> Option<Vec<f32>> + Sync),
    ) -> Self {
        let entries = manifest.all_entries();
        Features::new(parallel::map(threads, entries.len(), progress, |index| {
            let entry = &entries[index];
            if !with_test && entry.part == crate::Part::Test {
                return None;
            }
            kept(entry).or_else(|| {
                let (photo, hash) = manifest.photo(entry).ok()?;
                // What is kept under the old hash must not be of another photo.
                (hash == entry.hash).then(|| make(&photo))?
            })
        }))
    }

    /// Values a photo.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The features of a photo, at length 1.
    pub fn row(&self, index: usize) -> Option<&[f32]> {
        let known = *self.known.get(index)?;
        known.then(|| &self.values[index * self.length..][..self.length])
    }

    /// For each photo its nearest others, at most `count`: their indices and cosines, the nearest
    /// first. `apart` says which pairs do not count.
    pub(crate) fn neighbours(
        &self,
        count: usize,
        threads: usize,
        apart: &(dyn Fn(usize, usize) -> bool + Sync),
    ) -> Vec<Vec<(usize, f32)>> {
        /// Photos on each side of a product at a time: its values stay in the cache.
        const BLOCK: usize = 1024;
        let all = self.known.len();
        let pool = Pool::new(threads.max(1));
        let mut nearest: Vec<Vec<(usize, f32)>> = vec![Vec::new(); all];
        if self.length == 0 {
            return nearest;
        }
        let blocks = |size: usize| {
            (0..all)
                .step_by(size)
                .map(move |at| at..(at + size).min(all))
        };
        let mut cosines = Vec::new();
        for columns in blocks(BLOCK) {
            let layer = PackedDense::new(
                Isa::best(),
                self.length,
                columns.len(),
                &self.transposed(columns.clone()),
                None,
                Activation::Identity,
            );
            for rows in blocks(BLOCK) {
                cosines.clear();
                cosines.resize(rows.len() * columns.len(), 0.0);
                let input = &self.values[rows.start * self.length..rows.end * self.length];
                layer.run(&pool, input, &mut cosines);
                for (row, line) in rows.zip(cosines.chunks_exact(columns.len())) {
                    if !self.known[row] {
                        continue;
                    }
                    let own = &mut nearest[row];
                    for (column, &cosine) in columns.clone().zip(line) {
                        let least = own.last().filter(|_| own.len() == count);
                        if least.is_some_and(|&(_, least)| cosine <= least)
                            || !self.known[column]
                            || column == row
                            || apart(row, column)
                        {
                            continue;
                        }
                        own.truncate(count - 1);
                        let place = own.partition_point(|&(_, other)| other >= cosine);
                        own.insert(place, (column, cosine));
                    }
                }
            }
        }
        nearest
    }

    /// `[length, photos]`.
    fn transposed(&self, photos: Range<usize>) -> Vec<f32> {
        let count = photos.len();
        let mut turned = vec![0.0; self.length * count];
        for (column, photo) in photos.enumerate() {
            for (row, value) in self.values[photo * self.length..][..self.length]
                .iter()
                .enumerate()
            {
                turned[row * count + column] = *value;
            }
        }
        turned
    }

    /// The mean row of some photos; none where none is known.
    pub(crate) fn mean(&self, photos: impl Iterator<Item = usize>) -> Option<Vec<f64>> {
        let mut sum = vec![0.0; self.length];
        let mut count = 0;
        for row in photos.filter_map(|photo| self.row(photo)) {
            count += 1;
            for (sum, value) in sum.iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
        }
        (count > 0).then(|| sum.into_iter().map(|sum| sum / f64::from(count)).collect())
    }
}

fn norm(row: &[f32]) -> f32 {
    row.iter().map(|value| value * value).sum::<f32>().sqrt()
}

/// Where points lie in the plane that shows most of how they differ (principal components; the same
/// as classical scaling of their distances), and the share of their variance that it shows.
pub(crate) fn plane_of(points: &[Vec<f64>]) -> (Vec<[f64; 2]>, f64) {
    let count = points.len();
    let length = points.first().map_or(0, Vec::len);
    let mean: Vec<f64> = (0..length)
        .map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / count as f64)
        .collect();
    let product = |one: &[f64], other: &[f64]| -> f64 {
        one.iter()
            .zip(other)
            .zip(&mean)
            .map(|((one, other), mean)| (one - mean) * (other - mean))
            .sum()
    };
    let mut gram: Vec<Vec<f64>> = points
        .iter()
        .map(|one| points.iter().map(|other| product(one, other)).collect())
        .collect();
    let total: f64 = (0..count).map(|index| gram[index][index]).sum();
    let mut places = vec![[0.0; 2]; count];
    let mut shown = 0.0;
    for axis in 0..2 {
        // Power iteration; the start has a part in every direction.
        let mut vector: Vec<f64> = (0..count)
            .map(|i| 1.0 + ((i * 7919) % 101) as f64)
            .collect();
        let mut value = 0.0;
        for _ in 0..500 {
            let next: Vec<f64> = gram
                .iter()
                .map(|row| row.iter().zip(&vector).map(|(a, b)| a * b).sum())
                .collect();
            value = next.iter().map(|v| v * v).sum::<f64>().sqrt();
            if value <= total * 1e-12 {
                return (places, if total > 0.0 { shown / total } else { 1.0 });
            }
            vector = next.into_iter().map(|v| v / value).collect();
        }
        shown += value;
        for (place, own) in places.iter_mut().zip(&vector) {
            place[axis] = own * value.sqrt();
        }
        for (row, one) in gram.iter_mut().zip(&vector) {
            for (cell, other) in row.iter_mut().zip(&vector) {
                *cell -= value * one * other;
            }
        }
    }
    (places, shown / total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tensor::Random;

    #[test]
    fn neighbours_are_those_of_the_definition() {
        let mut random = Random::new(5, 0, 0);
        let rows: Vec<Option<Vec<f32>>> = (0..70)
            .map(|i| (i != 9).then(|| (0..6).map(|_| random.normal_f32()).collect()))
            .collect();
        let features = Features::new(rows);
        let found = features.neighbours(4, 2, &|one, other| one + other == 11);
        for (index, found) in found.iter().enumerate() {
            let Some(own) = features.row(index) else {
                assert!(found.is_empty() && index == 9);
                continue;
            };
            let mut expected: Vec<(usize, f32)> = (0..70)
                .filter(|&other| other != index && other + index != 11)
                .filter_map(|other| {
                    let row = features.row(other)?;
                    Some((other, own.iter().zip(row).map(|(a, b)| a * b).sum()))
                })
                .collect();
            expected.sort_by(|one, other| other.1.total_cmp(&one.1));
            for ((one, cosine), (other, expected)) in found.iter().zip(&expected) {
                assert!(one == other || (cosine - expected).abs() < 1e-5);
            }
            assert_eq!(found.len(), 4);
        }
    }

    #[test]
    fn points_of_a_plane_keep_their_distances() {
        let points: Vec<Vec<f64>> = [[0.0, 0.0], [4.0, 0.0], [0.0, 1.0], [3.0, 2.0]]
            .map(|[x, y]| vec![x, y * 0.6, y * 0.8, 5.0])
            .to_vec();
        let (places, share) = plane_of(&points);
        assert!((share - 1.0).abs() < 1e-6);
        for one in 0..4 {
            for other in 0..4 {
                let there: f64 = points[one]
                    .iter()
                    .zip(&points[other])
                    .map(|(a, b)| (a - b).powi(2))
                    .sum();
                let here: f64 = (0..2)
                    .map(|axis| (places[one][axis] - places[other][axis]).powi(2))
                    .sum();
                assert!((there - here).abs() < 1e-6, "{there} {here}");
            }
        }
        assert_eq!(plane_of(&[vec![1.0]]).0, [[0.0; 2]]);
    }
}
