//! Photos that are the same picture: byte for byte, or copied, scaled, cut, recoloured, mirrored,
//! turned by quarters.
//!
//! Two ways lead to a candidate: the whole picture at 8 x 8 looks the same (also turned or in a mirror), or
//! several corners of one are found again in the other. A candidate counts only if, laid over each
//! other by the scale and shift that fit it best, the two show the same brightness.

use vision::Orientation;

use super::keypoints::{self, Keypoint};
use super::plane::Plane;
use crate::parallel::{self, Progress};

/// The side of the picture that candidates are laid over each other with.
const SIDE: usize = 64;
/// Pictures at 8 x 8 that correlate this much are compared closer.
const ALIKE_AT_8: f32 = 0.88;
/// How many comparisons, of a corner's 256, make the key under which it is looked up.
const KEY_BITS: usize = 24;
/// How many keys a corner has.
const KEYS: usize = 8;
/// A key that more corners share says nothing.
const MOST_SHARED: usize = 60;
/// How many keys two photos must share to be compared closer.
const LEAST_SHARED: u16 = 4;
/// The most photos that each is compared closer with for the keys that they share.
const MOST_SHARING: usize = 8;
/// Corners that differ in more of the 256 comparisons are not the same.
const MOST_DIFFERENT: u32 = 64;
/// How far, as a fraction of a side, a corner may lie from where the others say.
const TOLERANCE: f32 = 0.03;
/// Two whole pictures are the same from this correlation on, turned or mirrored from the other: two
/// dogs that stand before a white wall look alike in a mirror.
const LEAST_WHOLE: f32 = 0.965;
const LEAST_TURNED: f32 = 0.985;
/// The ways in which a copy may lie: in quarter turns, each also in a mirror.
pub(super) const TURNS: [Orientation; 8] = [
    Orientation::Upright,
    Orientation::MirrorHorizontal,
    Orientation::Rotate180,
    Orientation::MirrorVertical,
    Orientation::Transpose,
    Orientation::Rotate90,
    Orientation::Transverse,
    Orientation::Rotate270,
];
/// The least part of the larger picture that the two must have in common, as wholes and by corners.
const LEAST_OVERLAP_WHOLE: f32 = 0.7;
const LEAST_OVERLAP: f32 = 0.08;
/// Pictures that correlate less where their corners lay them are not brought closer.
const LEAST_AT_FIRST: f32 = 0.5;
/// How many corners must agree on one scale and shift.
const LEAST_AGREEING: usize = 8;
/// A photo cut down to less than this part of a side is not looked for.
const LEAST_SCALE: f32 = 0.3;

/// What a photo is compared by.
pub(crate) struct Fingerprint {
    /// The picture at 64 x 64.
    small: Plane,
    /// At 8 x 8, normalized, in 127ths.
    tiny: [i16; 64],
    keypoints: Vec<Keypoint>,
}

impl Fingerprint {
    /// Of a picture whose true sides are as `aspect` (width by height) says.
    pub fn new(plane: &Plane, aspect: f64) -> Fingerprint {
        let small = plane.resized(SIDE, SIDE);
        Fingerprint {
            tiny: tiny(&small),
            keypoints: keypoints::find(plane, aspect),
            small,
        }
    }
}

fn tiny(small: &Plane) -> [i16; 64] {
    let normalized = small.resized(8, 8).normalized();
    let mut tiny = [0; 64];
    for (value, &exact) in tiny.iter_mut().zip(&normalized) {
        *value = (exact * TINY_ONE).round() as i16;
    }
    tiny
}

/// What 1 is in [`Fingerprint::tiny`]: its squares still fit in 32 bits.
const TINY_ONE: f32 = 8192.0;

/// Their places alone, as splitting and folding take them.
pub fn pairs(twins: &[Twins]) -> Vec<(usize, usize)> {
    twins.iter().map(|pair| (pair.first, pair.second)).collect()
}

/// Two photos that show the same picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Twins {
    /// Index of one photo.
    pub first: usize,
    /// Index of the other, greater than `first`.
    pub second: usize,
    /// How much their brightness correlates where they overlap, 0 to 1; 1 for the same file.
    pub likeness: f32,
    /// The part of the larger picture that the overlap covers, 0 to 1.
    pub overlap: f32,
    /// How the second must be turned to look like the first.
    pub turn: Orientation,
    /// Corners of one that were found again in the other.
    pub corners: usize,
}

impl Twins {
    /// The most alike first.
    pub(super) fn order(&self, other: &Twins) -> std::cmp::Ordering {
        (other.likeness.total_cmp(&self.likeness))
            .then((self.first, self.second).cmp(&(other.first, other.second)))
    }
}

/// How one picture lies over another: `there = scale * here + shift`, as fractions of the sides.
#[derive(Clone, Copy, Debug)]
struct Overlay {
    scale: [f32; 2],
    shift: [f32; 2],
}

/// All pairs of photos that show the same picture, the most alike first.
pub(crate) fn find(prints: &[Fingerprint], threads: usize, progress: Progress<'_>) -> Vec<Twins> {
    let candidates = candidates(prints, threads);
    let found = parallel::map(threads, candidates.len(), progress, |place| {
        let candidate = &candidates[place];
        let (there, here) = (&prints[candidate.first], &prints[candidate.second]);
        let mut offers = Vec::new();
        if candidate.corners || candidate.looks_the_same(Orientation::Upright) {
            offers.extend(by_corners(there, here));
        }
        for turn in TURNS {
            if candidate.looks_the_same(turn) {
                offers.extend(by_whole(there, &here.small.turned(turn), turn));
            }
        }
        let best = offers
            .into_iter()
            .max_by(|one, other| one.likeness.total_cmp(&other.likeness))?;
        Some(Twins {
            first: candidate.first,
            second: candidate.second,
            ..best
        })
    });
    let mut found: Vec<Twins> = found.into_iter().flatten().collect();
    found.sort_by(Twins::order);
    found
}

/// Two photos that are worth a closer look, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    first: usize,
    second: usize,
    /// They share corners.
    corners: bool,
    /// For each of [`TURNS`] a bit: whether they look the same at 8 x 8, the second turned so.
    turns: u8,
}

impl Candidate {
    fn looks_the_same(&self, turn: Orientation) -> bool {
        let place = TURNS.iter().position(|&known| known == turn);
        place.is_some_and(|place| self.turns >> place & 1 == 1)
    }
}

/// The pairs worth a closer look, in order.
fn candidates(prints: &[Fingerprint], threads: usize) -> Vec<Candidate> {
    let index = Index::new(prints, threads);
    let mut found: Vec<Candidate> = parallel::map(threads, prints.len(), &|_, _| {}, |photo| {
        let print = &prints[photo];
        let turned = TURNS.map(|turn| tiny(&print.small.turned(turn)));
        let threshold = (ALIKE_AT_8 * TINY_ONE * TINY_ONE) as i32;
        let pair = |other: usize| Candidate {
            first: photo.min(other),
            second: photo.max(other),
            corners: false,
            turns: 0,
        };
        let mut own = Vec::new();
        for (other, tiny) in prints[..photo].iter().map(|print| &print.tiny).enumerate() {
            let mut turns = 0;
            for (place, turned) in turned.iter().enumerate() {
                turns |= u8::from(product(turned, tiny) > threshold) << place;
            }
            if turns != 0 {
                own.push(Candidate {
                    turns,
                    ..pair(other)
                });
            }
        }
        let mut shared = vec![0u16; prints.len()];
        index.count_shared(photo, &mut shared);
        shared[photo] = 0;
        let mut sharing: Vec<usize> = (0..prints.len())
            .filter(|&other| shared[other] >= LEAST_SHARED)
            .collect();
        sharing.sort_by_key(|&other| (std::cmp::Reverse(shared[other]), other));
        own.extend(
            sharing
                .into_iter()
                .take(MOST_SHARING)
                .map(|other| Candidate {
                    corners: true,
                    ..pair(other)
                }),
        );
        own
    })
    .into_iter()
    .flatten()
    .collect();
    found.sort_unstable();
    found.dedup_by(|later, kept| {
        let same = (later.first, later.second) == (kept.first, kept.second);
        if same {
            kept.corners |= later.corners;
            kept.turns |= later.turns;
        }
        same
    });
    found
}

fn product(one: &[i16; 64], other: &[i16; 64]) -> i32 {
    one.iter()
        .zip(other)
        .map(|(&one, &other)| i32::from(one) * i32::from(other))
        .sum()
}

/// Compares two pictures as wholes, trying small scales and shifts: what is cut off by a few per
/// cent or framed still lies over the other.
fn by_whole(there: &Fingerprint, here: &Plane, turn: Orientation) -> Option<Twins> {
    let start = Overlay {
        scale: [1.0, 1.0],
        shift: [0.0, 0.0],
    };
    let (likeness, overlap) = refined(&there.small, here, start);
    let wanted = match turn {
        Orientation::Upright => LEAST_WHOLE,
        _ => LEAST_TURNED,
    };
    (likeness >= wanted && overlap >= LEAST_OVERLAP_WHOLE).then_some(Twins {
        first: 0,
        second: 0,
        likeness,
        overlap,
        turn,
        corners: 0,
    })
}

/// Compares two pictures by the corners that they share.
fn by_corners(there: &Fingerprint, here: &Fingerprint) -> Option<Twins> {
    let matches = matched(&here.keypoints, &there.keypoints);
    let (overlay, corners) = agreed(&matches)?;
    let (likeness, overlap) = refined(&there.small, &here.small, overlay);
    accepted(likeness, overlap, corners).then_some(Twins {
        first: 0,
        second: 0,
        likeness,
        overlap,
        turn: Orientation::Upright,
        corners,
    })
}

/// Whether two pictures that lie over each other so are the same. The limits were set by looking
/// at the pairs on either side of them in Stanford Dogs: below 12 corners nearly all are strangers
/// on grass, snow or a carpet.
fn accepted(likeness: f32, overlap: f32, corners: usize) -> bool {
    let wanted = match corners {
        24.. => 0.80,
        18..24 => 0.85,
        12..18 => 0.95,
        _ => 0.97,
    };
    likeness >= wanted && overlap >= LEAST_OVERLAP
}

/// The corners of both that are each other's nearest, and clearly.
fn matched(here: &[Keypoint], there: &[Keypoint]) -> Vec<([f32; 2], [f32; 2])> {
    let mut nearest_there = vec![(u32::MAX, 0); there.len()];
    let mut nearest_here = vec![(u32::MAX, 0); here.len()];
    for (index, keypoint) in here.iter().enumerate() {
        for (other_index, other) in there.iter().enumerate() {
            let distance = keypoint.distance(other);
            if distance < nearest_here[index].0 {
                nearest_here[index] = (distance, other_index);
            }
            if distance < nearest_there[other_index].0 {
                nearest_there[other_index] = (distance, index);
            }
        }
    }
    nearest_here
        .iter()
        .enumerate()
        .filter(|&(index, &(distance, other))| {
            distance <= MOST_DIFFERENT && nearest_there[other].1 == index
        })
        .map(|(index, &(_, other))| {
            let (one, other) = (&here[index], &there[other]);
            ([one.x, one.y], [other.x, other.y])
        })
        .collect()
}

/// The scale and shift that most pairs of corners agree on, and how many do.
fn agreed(matches: &[([f32; 2], [f32; 2])]) -> Option<(Overlay, usize)> {
    let fits = |overlay: &Overlay, (here, there): &([f32; 2], [f32; 2])| {
        (0..2).all(|axis| {
            let predicted = overlay.scale[axis] * here[axis] + overlay.shift[axis];
            (predicted - there[axis]).abs() < TOLERANCE * overlay.scale[axis].max(1.0)
        })
    };
    let mut best: Option<(Overlay, usize)> = None;
    for (index, one) in matches.iter().enumerate() {
        for other in &matches[index + 1..] {
            let mut overlay = Overlay {
                scale: [0.0; 2],
                shift: [0.0; 2],
            };
            for axis in 0..2 {
                let here = other.0[axis] - one.0[axis];
                let there = other.1[axis] - one.1[axis];
                overlay.scale[axis] = there / here;
                overlay.shift[axis] = one.1[axis] - overlay.scale[axis] * one.0[axis];
            }
            // Two corners one above the other tell nothing about the other axis.
            let apart = (0..2).all(|axis| (other.0[axis] - one.0[axis]).abs() > 0.08);
            if !apart || !plausible(&overlay) {
                continue;
            }
            let count = matches.iter().filter(|pair| fits(&overlay, pair)).count();
            if best.is_none_or(|(_, most)| count > most) {
                best = Some((overlay, count));
            }
        }
    }
    let (overlay, count) = best?;
    if count < LEAST_AGREEING {
        return None;
    }
    let agreeing: Vec<_> = matches.iter().filter(|pair| fits(&overlay, pair)).collect();
    let fitted = least_squares(&agreeing)
        .filter(plausible)
        .unwrap_or(overlay);
    Some((fitted, count))
}

fn plausible(overlay: &Overlay) -> bool {
    let [across, down] = overlay.scale;
    let range = LEAST_SCALE..=1.0 / LEAST_SCALE;
    range.contains(&across) && range.contains(&down) && (0.5..=2.0).contains(&(across / down))
}

fn least_squares(pairs: &[&([f32; 2], [f32; 2])]) -> Option<Overlay> {
    let mut overlay = Overlay {
        scale: [0.0; 2],
        shift: [0.0; 2],
    };
    let count = pairs.len() as f32;
    for axis in 0..2 {
        let here = pairs.iter().map(|pair| pair.0[axis]).sum::<f32>() / count;
        let there = pairs.iter().map(|pair| pair.1[axis]).sum::<f32>() / count;
        let spread: f32 = pairs.iter().map(|pair| (pair.0[axis] - here).powi(2)).sum();
        let common: f32 = pairs
            .iter()
            .map(|pair| (pair.0[axis] - here) * (pair.1[axis] - there))
            .sum();
        if spread < 1e-4 {
            return None;
        }
        overlay.scale[axis] = common / spread;
        overlay.shift[axis] = there - overlay.scale[axis] * here;
    }
    Some(overlay)
}

/// The best likeness near an overlay, found by small steps, and the part of the larger picture
/// that overlaps.
fn refined(there: &Plane, here: &Plane, start: Overlay) -> (f32, f32) {
    let mut best = (likeness(there, here, &start), start);
    if best.0.0 < LEAST_AT_FIRST {
        return best.0;
    }
    for step in [0.03, 0.012, 0.005] {
        for _ in 0..4 {
            let before = best.0.0;
            for axis in 0..2 {
                for (scale, shift) in [(step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)] {
                    let mut tried = best.1;
                    tried.scale[axis] += scale;
                    // The middle stays where it is.
                    tried.shift[axis] += shift - scale / 2.0;
                    let value = likeness(there, here, &tried);
                    if value.0 > best.0.0 {
                        best = (value, tried);
                    }
                }
            }
            if best.0.0 <= before + 1e-4 {
                break;
            }
        }
    }
    best.0
}

/// The correlation of brightness where two pictures overlap, and the part of the larger one that
/// does.
fn likeness(there: &Plane, here: &Plane, overlay: &Overlay) -> (f32, f32) {
    const POINTS: usize = 32;
    // The overlap in the coordinates of `here`.
    let mut range = [[0f32; 2]; 2];
    for (axis, range) in range.iter_mut().enumerate() {
        let (scale, shift) = (overlay.scale[axis], overlay.shift[axis]);
        *range = [(-shift / scale).max(0.0), ((1.0 - shift) / scale).min(1.0)];
        if range[1] - range[0] < 0.1 {
            return (0.0, 0.0);
        }
    }
    // `there` reaches over 1 / scale of `here`.
    let both = (range[0][1] - range[0][0]) * (range[1][1] - range[1][0]);
    let larger = (1.0 / (overlay.scale[0] * overlay.scale[1])).max(1.0);
    let (mut sums, mut squares, mut common) = ([0f32; 2], [0f32; 2], 0f32);
    for row in 0..POINTS {
        let y = range[1][0] + (range[1][1] - range[1][0]) * (row as f32 + 0.5) / POINTS as f32;
        let other_y = overlay.scale[1] * y + overlay.shift[1];
        for column in 0..POINTS {
            let x =
                range[0][0] + (range[0][1] - range[0][0]) * (column as f32 + 0.5) / POINTS as f32;
            let other_x = overlay.scale[0] * x + overlay.shift[0];
            let values = [sample(here, x, y), sample(there, other_x, other_y)];
            for (side, value) in values.iter().enumerate() {
                sums[side] += value;
                squares[side] += value * value;
            }
            common += values[0] * values[1];
        }
    }
    let count = (POINTS * POINTS) as f32;
    let variance = |side: usize| squares[side] / count - (sums[side] / count).powi(2);
    let spread = variance(0) * variance(1);
    // A deviation below 6 of 255 is a wall or the sky, which is like any other.
    if variance(0) < 36.0 || variance(1) < 36.0 {
        return (0.0, both / larger);
    }
    let covariance = common / count - sums[0] / count * (sums[1] / count);
    (covariance / spread.sqrt(), both / larger)
}

/// The brightness at a place given as fractions of the sides, between pixels interpolated.
fn sample(plane: &Plane, x: f32, y: f32) -> f32 {
    let across = (x * plane.width as f32 - 0.5).clamp(0.0, (plane.width - 1) as f32);
    let down = (y * plane.height as f32 - 0.5).clamp(0.0, (plane.height - 1) as f32);
    let (left, top) = (across as usize, down as usize);
    let (right, bottom) = (
        (left + 1).min(plane.width - 1),
        (top + 1).min(plane.height - 1),
    );
    let (to_right, to_bottom) = (across - left as f32, down - top as f32);
    let gray = |row: usize, column: usize| f32::from(plane.gray[row * plane.width + column]);
    let upper = gray(top, left) * (1.0 - to_right) + gray(top, right) * to_right;
    let lower = gray(bottom, left) * (1.0 - to_right) + gray(bottom, right) * to_right;
    upper * (1.0 - to_bottom) + lower * to_bottom
}

/// Which photos have a corner under a key.
struct Index {
    /// For each of the [`KEYS`] tables: (key, photo), by key.
    tables: Vec<Vec<(u32, u32)>>,
    /// For each photo and corner, its keys.
    keys: Vec<Vec<[u32; KEYS]>>,
}

impl Index {
    fn new(prints: &[Fingerprint], threads: usize) -> Index {
        let keys: Vec<Vec<[u32; KEYS]>> = prints
            .iter()
            .map(|print| print.keypoints.iter().map(keys_of).collect())
            .collect();
        let tables = parallel::map(threads, KEYS, &|_, _| {}, |table| {
            let mut rows: Vec<(u32, u32)> = keys
                .iter()
                .enumerate()
                .flat_map(|(photo, corners)| {
                    corners.iter().map(move |keys| (keys[table], photo as u32))
                })
                .collect();
            rows.sort_unstable();
            rows.dedup();
            rows
        });
        Index { tables, keys }
    }

    /// Counts for each photo how many keys it shares with this one.
    fn count_shared(&self, photo: usize, shared: &mut [u16]) {
        for keys in &self.keys[photo] {
            for (table, &key) in self.tables.iter().zip(keys) {
                let start = table.partition_point(|&(other, _)| other < key);
                let run = table[start..]
                    .iter()
                    .take_while(|&&(other, _)| other == key)
                    .take(MOST_SHARED + 1);
                if run.clone().count() > MOST_SHARED {
                    continue;
                }
                for &(_, other) in run {
                    if let Some(count) = shared.get_mut(other as usize) {
                        *count = count.saturating_add(1);
                    }
                }
            }
        }
    }
}

/// The keys of a corner: each takes every so many-th comparison, so that none is in two.
fn keys_of(keypoint: &Keypoint) -> [u32; KEYS] {
    std::array::from_fn(|table| {
        (0..KEY_BITS).fold(0, |key, bit| {
            let place = bit * KEYS + table;
            key << 1 | (keypoint.bits[place / 64] >> (place % 64) & 1) as u32
        })
    })
}
