//! A block of numbers that starts at a cache line, so that vector loads never straddle two.
use half::f16;
use std::alloc::{self, Layout};
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

/// Bytes of a cache line and of the widest vector (AVX-512).
const ALIGNMENT: usize = 64;

/// A type of number that a buffer may hold: plain data, of which zero bits are the number 0.
pub trait Element: Copy + Send + Sync + sealed::Sealed + 'static {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($number:ty)+) => {$(
        impl sealed::Sealed for $number {}
        impl Element for $number {}
    )+};
}

elements!(f32 f16 i8 u8);

/// A fixed-size block of numbers, aligned to 64 bytes and zero at first. Behaves as a slice.
pub struct AlignedBuffer<T: Element = f32> {
    pointer: NonNull<T>,
    length: usize,
}

// SAFETY: the buffer owns its memory alone, as a `Vec<T>` does.
unsafe impl<T: Element> Send for AlignedBuffer<T> {}
// SAFETY: shared access is read-only, as for a `Vec<T>`.
unsafe impl<T: Element> Sync for AlignedBuffer<T> {}

impl<T: Element> AlignedBuffer<T> {
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
        // SAFETY: the layout has a size above 0; zero bits are a valid number.
        let pointer = unsafe { alloc::alloc_zeroed(layout) };
        match NonNull::new(pointer.cast::<T>()) {
            Some(pointer) => AlignedBuffer { pointer, length },
            None => alloc::handle_alloc_error(layout),
        }
    }

    fn layout(length: usize) -> Layout {
        let bytes = length
            .checked_mul(size_of::<T>())
            .expect("a buffer size that fits");
        Layout::from_size_align(bytes, ALIGNMENT).expect("a buffer size that fits")
    }
}

impl<T: Element> Drop for AlignedBuffer<T> {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: allocated by `zeroed` with this very layout, and freed once.
            unsafe { alloc::dealloc(self.pointer.as_ptr().cast(), Self::layout(self.length)) };
        }
    }
}

impl<T: Element> Deref for AlignedBuffer<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: `pointer` holds `length` initialised numbers (or is dangling with length 0).
        unsafe { std::slice::from_raw_parts(self.pointer.as_ptr(), self.length) }
    }
}

impl<T: Element> DerefMut for AlignedBuffer<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as for `deref`, and `&mut self` makes the access unique.
        unsafe { std::slice::from_raw_parts_mut(self.pointer.as_ptr(), self.length) }
    }
}

impl<T: Element> Clone for AlignedBuffer<T> {
    fn clone(&self) -> Self {
        Self::from(&**self)
    }
}

impl<T: Element> From<&[T]> for AlignedBuffer<T> {
    fn from(values: &[T]) -> Self {
        let mut buffer = Self::zeroed(values.len());
        buffer.copy_from_slice(values);
        buffer
    }
}

impl<T: Element> FromIterator<T> for AlignedBuffer<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self::from(values.into_iter().collect::<Vec<_>>().as_slice())
    }
}

impl<T: Element> std::fmt::Debug for AlignedBuffer<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = std::any::type_name::<T>();
        write!(formatter, "AlignedBuffer({} x {number})", self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_aligned_zero_and_a_slice() {
        for length in [0, 1, 15, 1000] {
            let mut buffer = AlignedBuffer::<f32>::zeroed(length);
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
