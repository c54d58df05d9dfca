//! What the steps of a pipeline work on: a gray plane or interleaved colours, 8 bits a value.
use kernels::Isa;
use tensor::Pool;

use crate::Photo;

/// Pixels of 8 bits, row by row: one gray value each, or red, green and blue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Picture {
    pub width: usize,
    pub height: usize,
    /// 1 or 3.
    pub channels: usize,
    /// `width * height * channels`.
    pub values: Vec<u8>,
}

impl Picture {
    pub fn of(photo: &Photo) -> Self {
        Picture {
            width: photo.width(),
            height: photo.height(),
            channels: 3,
            values: photo.rgb().to_vec(),
        }
    }

    /// As a photo; gray becomes three equal channels.
    pub fn into_photo(self) -> Photo {
        let rgb = match self.channels {
            3 => self.values,
            _ => self.values.iter().flat_map(|&gray| [gray; 3]).collect(),
        };
        Photo::from_rgb(self.width, self.height, rgb)
    }

    /// Values of a row.
    pub fn stride(&self) -> usize {
        self.width * self.channels
    }

    pub fn row(&self, row: usize) -> &[u8] {
        &self.values[row * self.stride()..][..self.stride()]
    }

    /// Another picture of this size.
    pub fn with(&self, channels: usize, values: Vec<u8>) -> Self {
        debug_assert_eq!(values.len(), self.width * self.height * channels);
        Picture {
            width: self.width,
            height: self.height,
            channels,
            values,
        }
    }

    /// Each value replaced by its entry of a table.
    pub fn map(mut self, table: &[u8; 256], workers: &Workers<'_>) -> Self {
        // A tenth of a millisecond of work: less does not pay for waking a thread.
        workers.bands(&mut self.values, 1 << 18, |_, band| {
            for value in band {
                *value = table[usize::from(*value)];
            }
        });
        self
    }
}

/// What computes: threads and vector instructions. Neither changes a pixel of the result.
#[derive(Clone, Copy)]
pub struct Workers<'a> {
    /// The threads.
    pub pool: &'a Pool,
    /// The instructions.
    pub isa: Isa,
}

impl std::fmt::Debug for Workers<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "Workers({} threads, {})",
            self.pool.threads(),
            self.isa
        )
    }
}

impl Workers<'_> {
    /// Cuts values into rows of `stride`, the rows into bands of neighbours for the threads, and
    /// runs `task(first row, band)` for each.
    pub(crate) fn bands<T: Send>(
        &self,
        values: &mut [T],
        stride: usize,
        task: impl Fn(usize, &mut [T]) + Sync,
    ) {
        let rows = values.len().div_ceil(stride);
        // Two bands a thread: the second ones fill the wait for the slowest.
        let parts = match self.pool.threads() {
            1 => 1,
            threads => threads * 2,
        };
        let band = rows.div_ceil(parts).max(1);
        let mut bands: Vec<&mut [T]> = values.chunks_mut(band * stride).collect();
        self.pool
            .for_each(&mut bands, |index, values| task(index * band, values));
    }
}
