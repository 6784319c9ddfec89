//! Denormal numbers switched off for the current thread.
#![allow(unsafe_code)] // The control register of the floating-point unit has no safe door.

/// Makes the current thread read and write denormal numbers as zero, where the processor can.
pub(crate) fn flush_to_zero() {
    #[cfg(target_arch = "x86_64")]
    {
        /// Results (bit 15) and operands (bit 6): Intel's manual, volume 1, section 10.2.3.
        const FLUSH: u32 = 1 << 15 | 1 << 6;
        let mut control = 0u32;
        // SAFETY: both instructions read or write the four bytes of `control` and the control register,
        // whose rounding and exception bits are left as they were. The thread belongs to the pool, and
        // no code on it relies on denormals.
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &mut control, options(nostack, preserves_flags));
            control |= FLUSH;
            std::arch::asm!("ldmxcsr [{}]", in(reg) &control, options(nostack, preserves_flags));
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        /// FZ, for operands and results alike: Arm Architecture Reference Manual, register FPCR.
        const FLUSH: u64 = 1 << 24;
        let mut control: u64;
        // SAFETY: reads and writes the floating-point control register only, whose other bits are left as
        // they were. The thread belongs to the pool, and no code on it relies on denormals.
        unsafe {
            std::arch::asm!("mrs {}, fpcr", out(reg) control, options(nomem, nostack, preserves_flags));
            control |= FLUSH;
            std::arch::asm!("msr fpcr, {}", in(reg) control, options(nomem, nostack, preserves_flags));
        }
    }
}
