//! Faults that reach beyond a call: the process dies, hangs, prints without end or is changed for all that comes after.

use crate::Fault;
use std::time::Duration;
use topwork_sdk::{Error, Host, Level};

/// Goes wrong in this way; does nothing for faults that are of one kind of component only.
pub fn strike(fault: Fault, host: Host) -> Result<(), Error> {
    match fault {
        Fault::Abort => std::process::abort(),
        Fault::Segfault => segfault(),
        Fault::StackOverflow => {
            std::hint::black_box(deeper(1));
        }
        Fault::ExitZero => std::process::exit(0),
        Fault::ExitFolderLost => std::process::exit(74),
        Fault::ThreadCrash => later(segfault),
        Fault::ThreadPanic => later(|| panic!("told to panic in a thread")),
        Fault::Hang => loop {
            std::thread::sleep(Duration::from_secs(1));
        },
        Fault::BusyHang => {
            for step in 1.. {
                host.progress(step, 0, "steps");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Fault::PoliteHang => loop {
            host.check_stop()?;
            std::thread::sleep(Duration::from_millis(20));
        },
        Fault::EndlessOutput => loop {
            println!("{}", "all work and no play ".repeat(100));
        },
        Fault::EndlessLog => loop {
            host.log(Level::Info, "all work and no play");
        },
        Fault::ManyLines => {
            for _ in 0..20_000 {
                println!("{}", "all work and no play ".repeat(50));
            }
        }
        Fault::ManyLogLines => {
            host.log(Level::Info, &"é".repeat(10_000));
            for line in 1..=11_000 {
                host.log(Level::Info, &format!("line {line}"));
            }
        }
        Fault::Signals => {
            for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGSEGV] {
                // SAFETY: ignoring a signal is sound; that the host is robbed of its handlers is what was asked for.
                unsafe { libc::signal(signal, libc::SIG_IGN) };
            }
        }
        Fault::Streams => {
            for stream in 0..=2 {
                // SAFETY: none; whoever thinks that the streams are open is wrong from here on, as was asked for.
                unsafe { libc::close(stream) };
            }
        }
        Fault::Folder => {
            std::env::set_current_dir("/").map_err(|e| Error::failed(e.to_string()))?
        }
        Fault::Rounding => round_wrongly(),
        _ => {}
    }
    Ok(())
}

fn segfault() {
    // SAFETY: none at all; the crash is what was asked for.
    unsafe { std::ptr::without_provenance_mut::<u8>(8).write_volatile(1) }
}

fn later(act: impl FnOnce() + Send + 'static) {
    std::thread::spawn(|| {
        std::thread::sleep(Duration::from_millis(30));
        act();
    });
}

#[expect(unconditional_recursion, reason = "that is the fault")]
fn deeper(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 512]);
    deeper(depth + 1) + frame[7]
}

/// Sets the floating-point unit of this thread to flush small numbers to zero and to round towards plus infinity.
fn round_wrongly() {
    #[cfg(target_arch = "x86_64")]
    {
        const FLUSH_AND_ROUND_UP: u32 = 1 << 15 | 1 << 6 | 0b10 << 13;
        let mut control = 0_u32;
        // SAFETY: none; the compiler counts on the usual rounding, which is what was asked to be spoilt.
        unsafe {
            std::arch::asm!("stmxcsr [{}]", in(reg) &mut control, options(nostack, preserves_flags));
            control |= FLUSH_AND_ROUND_UP;
            std::arch::asm!("ldmxcsr [{}]", in(reg) &control, options(nostack, preserves_flags));
        }
    }
    #[cfg(target_arch = "aarch64")]
    {
        const FLUSH_AND_ROUND_UP: u64 = 1 << 24 | 0b01 << 22;
        let mut control: u64;
        // SAFETY: as above.
        unsafe {
            std::arch::asm!("mrs {}, fpcr", out(reg) control, options(nomem, nostack, preserves_flags));
            control |= FLUSH_AND_ROUND_UP;
            std::arch::asm!("msr fpcr, {}", in(reg) control, options(nomem, nostack, preserves_flags));
        }
    }
}
