//! Which vector instructions to use: found once, named, and possible to force lower.
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(all(test, target_arch = "x86_64"))]
mod pair;
mod portable;
mod simd;

use portable::Portable;
pub(crate) use simd::{MOST_VECTORS, Simd};
use std::fmt;

/// A set of vector instructions that this processor has. A value above [`Isa::PORTABLE`] only
/// comes from detection, so it proves that its instructions may be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Isa(Level);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Level {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(all(test, target_arch = "x86_64"))]
    Pair,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Isa {
    /// Plain Rust that every processor runs.
    pub const PORTABLE: Isa = Isa(Level::Portable);

    /// All that this processor has, slowest first.
    pub fn available() -> Vec<Isa> {
        #[cfg_attr(not(target_arch = "x86_64"), expect(unused_mut))]
        let mut found = vec![Isa::PORTABLE];
        #[cfg(target_arch = "x86_64")]
        {
            // Every processor with AVX2 has the others; the shifts of BMI2 are for bit streams,
            // F16C for weights stored as f16.
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("f16c")
            {
                found.push(Isa(Level::Avx2));
                #[cfg(test)]
                found.push(Isa(Level::Pair));
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                {
                    found.push(Isa(Level::Avx512));
                }
            }
        }
        found
    }

    /// The fastest that this processor has.
    pub fn best() -> Isa {
        Self::available().pop().unwrap_or(Isa::PORTABLE)
    }

    /// The one of this name (`portable`, `avx2`, `avx512`), where this processor has it.
    pub fn by_name(name: &str) -> Option<Isa> {
        Self::available().into_iter().find(|isa| isa.name() == name)
    }

    /// `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => "avx2",
            #[cfg(all(test, target_arch = "x86_64"))]
            Level::Pair => "pair",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => "avx512",
        }
    }

    /// Runs `work`, compiled for these instructions.
    #[inline]
    pub(crate) fn run<W: Work>(self, work: W) -> W::Output {
        match self.0 {
            Level::Portable => work.run(Portable),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a value of this level only comes from detection.
            Level::Avx2 => unsafe { run_with_avx2(work) },
            #[cfg(all(test, target_arch = "x86_64"))]
            // SAFETY: a value of this level only comes from detection.
            Level::Pair => unsafe { run_with_pair(work) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a value of this level only comes from detection.
            Level::Avx512 => unsafe { run_with_avx512(work) },
        }
    }

    /// f32 in a vector.
    pub(crate) fn lanes(self) -> usize {
        struct Lanes;
        impl Work for Lanes {
            type Output = usize;
            fn run<S: Simd>(self, _: S) -> usize {
                S::LANES
            }
        }
        self.run(Lanes)
    }
}

/// Asks for the cache line of `address` to be brought into the second-level cache; only a hint, so
/// any address may be given.
#[inline(always)]
pub(crate) fn prefetch(address: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction (SSE, which every x86-64 has) never faults.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T1>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

/// A piece of work written once for all sets of instructions: an `#[inline(always)]` method, which
/// [`Isa::run`] compiles once for each set. Closures in it would be compiled without the set's
/// instructions, so its inner loops have none.
pub(crate) trait Work {
    type Output;

    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Loops in safe Rust that [`Isa::compile`] compiles once for each set of instructions, so that the
/// compiler turns them into its vectors. `run` and whatever it calls in an inner loop must be
/// `#[inline(always)]`, and the inner loops free of closures: what is not inlined is compiled
/// without the instructions.
pub trait Loops {
    /// What they give.
    type Output;

    /// The loops.
    fn run(self) -> Self::Output;
}

impl Isa {
    /// Runs loops that are compiled for these instructions.
    #[inline]
    pub fn compile<L: Loops>(self, loops: L) -> L::Output {
        struct Compiled<L>(L);
        impl<L: Loops> Work for Compiled<L> {
            type Output = L::Output;
            #[inline(always)]
            fn run<S: Simd>(self, _: S) -> L::Output {
                self.0.run()
            }
        }
        self.run(Compiled(loops))
    }
}

/// # Safety
/// The processor must have AVX2, FMA, BMI1, BMI2, LZCNT and F16C.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,f16c")]
unsafe fn run_with_avx2<W: Work>(work: W) -> W::Output {
    // SAFETY: the caller vouches for the instructions.
    work.run(unsafe { avx2::Avx2::new_unchecked() })
}

/// # Safety
/// The processor must have AVX2, FMA and F16C.
#[cfg(all(test, target_arch = "x86_64"))]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn run_with_pair<W: Work>(work: W) -> W::Output {
    // SAFETY: the caller vouches for the instructions.
    work.run(unsafe { pair::Pair::new_unchecked() })
}

/// # Safety
/// The processor must have AVX-512 F, VL, BW and DQ, and what AVX2's level has.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma,bmi1,bmi2,lzcnt,f16c")]
unsafe fn run_with_avx512<W: Work>(work: W) -> W::Output {
    // SAFETY: the caller vouches for the instructions.
    work.run(unsafe { avx512::Avx512::new_unchecked() })
}

impl fmt::Display for Isa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
