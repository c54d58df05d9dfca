//! A block of f32 that starts at a cache line, so that vector loads never straddle two.
use std::alloc::{self, Layout};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Bytes of a cache line and of the widest vector (AVX-512).
const ALIGNMENT: usize = 64;

/// A fixed-size block of f32, aligned to 64 bytes and zero at first. Behaves as a slice.
pub struct AlignedBuffer {
    pointer: NonNull<f32>,
    length: usize,
}

// SAFETY: the buffer owns its memory alone, as a `Vec<f32>` does.
unsafe impl Send for AlignedBuffer {}
// SAFETY: shared access is read-only, as for a `Vec<f32>`.
unsafe impl Sync for AlignedBuffer {}

impl AlignedBuffer {
    /// A block of `length` zeros.
    ///
    /// # Panics
    /// Where the size overflows; aborts through `handle_alloc_error` when memory is out.
    pub fn zeroed(length: usize) -> Self {
        if length == 0 {
            return AlignedBuffer {
                pointer: NonNull::dangling(),
                length: 0,
            };
        }
        let layout = Self::layout(length);
        // SAFETY: the layout has a size above 0; zero bits are a valid f32.
        let pointer = unsafe { alloc::alloc_zeroed(layout) };
        match NonNull::new(pointer.cast::<f32>()) {
            Some(pointer) => AlignedBuffer { pointer, length },
            None => alloc::handle_alloc_error(layout),
        }
    }

    fn layout(length: usize) -> Layout {
        let bytes = length
            .checked_mul(size_of::<f32>())
            .expect("a buffer size that fits");
        Layout::from_size_align(bytes, ALIGNMENT).expect("a buffer size that fits")
    }
}

impl Drop for AlignedBuffer {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: allocated by `zeroed` with this very layout, and freed once.
            unsafe { alloc::dealloc(self.pointer.as_ptr().cast(), Self::layout(self.length)) };
        }
    }
}

impl Deref for AlignedBuffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `pointer` holds `length` initialised f32 (or is dangling with length 0).
        unsafe { std::slice::from_raw_parts(self.pointer.as_ptr(), self.length) }
    }
}

impl DerefMut for AlignedBuffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as for `deref`, and `&mut self` makes the access unique.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.as_ptr(), self.length) }
    }
}

impl Clone for AlignedBuffer {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl From<&[f32]> for AlignedBuffer {
    fn from(values: &[f32]) -> Self {
        let mut buffer = Self::zeroed(values.len());
        buffer.copy_from_slice(values);
        buffer
    }
}

impl FromIterator<f32> for AlignedBuffer {
    fn from_iter<I: IntoIterator<Item = f32>>(values: I) -> Self {
        Self::from(values.into_iter().collect::<Vec<_>>().as_slice())
    }
}

impl std::fmt::Debug for AlignedBuffer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "AlignedBuffer({} x f32)", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_aligned_zero_and_a_slice() {
        for length in [0, 1, 15, 1000] {
            let mut buffer = AlignedBuffer::zeroed(length);
            assert_eq!(buffer.len(), length);
            assert!(buffer.iter().all(|&v| v == 0.0));
            if length > 0 {
                assert_eq!(buffer.as_ptr() as usize % ALIGNMENT, 0);
                buffer[length - 1] = 2.0;
                assert_eq!(buffer.clone()[length - 1], 2.0);
            }
        }
    }
}
