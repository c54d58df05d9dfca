//! Where each value lives: one block of memory, shared by values that are never needed together.

/// Values start at multiples of this many f32: a cache line.
const LINE: usize = 16;

/// A value's needs: its size, and the first and last step that touch it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    /// f32
    pub size: usize,
    pub first: usize,
    pub last: usize,
}

impl Lifetime {
    fn meets(&self, other: &Lifetime) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Rounded up to whole cache lines; what cannot be counted stays the largest number.
pub(crate) fn whole_lines(size: usize) -> usize {
    size.checked_next_multiple_of(LINE).unwrap_or(usize::MAX)
}

/// The offset of each value, and the size of the block in f32. Larger values are placed first, each
/// at the lowest place where it meets no other that lives at the same time.
pub(crate) fn place(lifetimes: &[Lifetime]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..lifetimes.len()).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(lifetimes[index].size), index));
    let mut offsets = vec![0; lifetimes.len()];
    let mut placed: Vec<usize> = Vec::with_capacity(lifetimes.len());
    let mut total = 0usize;
    for index in order {
        let own = &lifetimes[index];
        let size = whole_lines(own.size);
        let mut taken: Vec<(usize, usize)> = placed
            .iter()
            .filter(|&&other| lifetimes[other].meets(own))
            .map(|&other| (offsets[other], whole_lines(lifetimes[other].size)))
            .collect();
        taken.sort_unstable();
        let mut offset = 0usize;
        for (start, length) in taken {
            if start >= offset.saturating_add(size) {
                break;
            }
            offset = offset.max(start.saturating_add(length));
        }
        offsets[index] = offset;
        total = total.max(offset.saturating_add(size));
        placed.push(index);
    }
    (offsets, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small generator of repeatable numbers.
    fn random(state: &mut u64, below: usize) -> usize {
        *state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (*state >> 33) as usize % below
    }

    #[test]
    fn values_that_live_together_never_overlap() {
        let mut state = 7;
        for _ in 0..200 {
            let lifetimes: Vec<Lifetime> = (0..1 + random(&mut state, 40))
                .map(|_| {
                    let first = random(&mut state, 30);
                    let last = first + random(&mut state, 6);
                    let size = random(&mut state, 300);
                    Lifetime { size, first, last }
                })
                .collect();
            let (offsets, total) = place(&lifetimes);
            for (i, a) in lifetimes.iter().enumerate() {
                assert!(offsets[i] + a.size <= total && offsets[i] % LINE == 0);
                for (j, b) in lifetimes.iter().enumerate().skip(i + 1) {
                    let apart =
                        offsets[i] + a.size <= offsets[j] || offsets[j] + b.size <= offsets[i];
                    assert!(
                        apart || !a.meets(b),
                        "{a:?} at {} and {b:?} at {}",
                        offsets[i],
                        offsets[j]
                    );
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_counted_is_the_largest_number() {
        let large = Lifetime {
            size: usize::MAX - 3,
            first: 0,
            last: 1,
        };
        assert_eq!(place(&[large, large]).1, usize::MAX);
    }

    #[test]
    fn a_chain_needs_two_places() {
        let chain: Vec<Lifetime> = (0..10)
            .map(|step| Lifetime {
                size: 160,
                first: step,
                last: step + 1,
            })
            .collect();
        assert_eq!(place(&chain).1, 320);
    }
}
