//! The code that a patched process asks for the time. It is never run in this process: it is bytes, which are copied into
//! another one. It may lie anywhere, for it addresses its own words relative to itself.
//!
//! It keeps to the C calling convention: it changes none but the registers that a caller must expect to change, keeps the
//! stack aligned for the kernel's code, and makes no system call. Go's runtime, which calls it on a stack of its own, asks for nothing
//! more.

/// The length of the code with its words.
pub(in super::super) const STUB_BYTES: usize = 512;

/// The words at the start, by their place in bytes. The first four are filled in for each process.
pub(in super::super) mod word {
    /// The address of the page's settings.
    pub(in super::super::super) const SETTINGS: usize = 0;
    /// The address of the page's readings.
    pub(in super::super::super) const READINGS: usize = 8;
    /// The address of the kernel's `clock_gettime`.
    pub(in super::super::super) const KERNEL_CLOCK_GETTIME: usize = 16;
    /// The address of the kernel's `gettimeofday`.
    pub(in super::super::super) const KERNEL_GETTIMEOFDAY: usize = 24;
    /// Where our `clock_gettime` begins, from the start of the code.
    pub(in super::super::super) const CLOCK_GETTIME: usize = 32;
    /// The same for `gettimeofday`.
    pub(in super::super::super) const GETTIMEOFDAY: usize = 40;
    /// The same for `time`.
    pub(in super::super::super) const TIME: usize = 48;
    /// The same for an instruction `syscall`, which the controller uses while it is attached.
    pub(in super::super::super) const SYSCALL: usize = 56;
}

// The settings: a number, then a word that is not 0 once any clock but the wall clock may be wrong, and from 128 and 256 on, for each
// clock, four words (floor, base, offset, rate). The number's last bit says which of the two holds. Only the other is ever written,
// and then the number; so whoever finds the number unchanged after it has read the four words has read what belongs together. A
// number below 0 says that they are just being changed, and is waited for.
//
// The readings: from 0 and 128 on, by the same bit, for each clock, (count, true time, what was added). Threads may write them at the
// same moment; then a count may be lost, and two words may be of two readings. Whoever reads them compares them and looks again.
std::arch::global_asm!(
    r#"
    .pushsection .rodata.dsjepsen_skew_stub, "a", @progbits
    .balign 16
    .globl dsjepsen_skew_stub
dsjepsen_skew_stub:
.Lskew_settings:    .quad 0
.Lskew_readings:    .quad 0
.Lskew_kernel_cg:   .quad 0
.Lskew_kernel_gtod: .quad 0
    .quad .Lskew_clock_gettime - dsjepsen_skew_stub
    .quad .Lskew_gettimeofday - dsjepsen_skew_stub
    .quad .Lskew_time - dsjepsen_skew_stub
    .quad .Lskew_syscall - dsjepsen_skew_stub

.Lskew_syscall:
    syscall
    int3

    .balign 16
# Takes the true ns in rax, and 32 times the number of the clock in r9; gives the skewed ns in rax; notes both. Changes rcx, rdx, r8
# to r11.
.Lskew_adjust:
    mov  rcx, [rip + .Lskew_settings]
1:  mov  r8, [rcx]
    test r8, r8
    js   3f
    mov  edx, r8d
    and  edx, 1
    shl  edx, 7
    add  edx, r9d
    add  rdx, rcx
    mov  r10, [rdx + 128]
    cmp  rax, r10
    cmovg r10, rax
    mov  r11, r10
    sub  r11, [rdx + 136]
    add  r10, [rdx + 144]
    mov  rdx, [rdx + 152]
    cmp  r8, [rcx]
    jne  1b
    mov  rcx, rax
    mov  rax, r11
    imul rdx
    shrd rax, rdx, 32
    add  rax, r10
    and  r8d, 1
    shl  r8d, 7
    add  r8d, r9d
    add  r8, [rip + .Lskew_readings]
    mov  r10, rax
    sub  r10, rcx
    mov  [r8 + 8], rcx
    mov  [r8 + 16], r10
    add  qword ptr [r8], 1
    ret
3:  pause
    jmp  1b

# 32 times the number of the clock of each clockid_t; 1 of those that are not skewed. CLOCK_REALTIME 0, CLOCK_REALTIME_COARSE 5 and
# CLOCK_TAI 11 are the first, CLOCK_MONOTONIC 1 and CLOCK_MONOTONIC_COARSE 6 the second, CLOCK_MONOTONIC_RAW 4 the third, and
# CLOCK_BOOTTIME 7 the fourth.
.Lskew_clocks:
    .byte 0, 32, 1, 1, 64, 0, 32, 96, 1, 1, 1, 0

    .balign 16
# int clock_gettime(clockid_t edi, struct timespec *rsi)
.Lskew_clock_gettime:
    push rdi
    push rsi
    sub  rsp, 8
    call [rip + .Lskew_kernel_cg]
    add  rsp, 8
    pop  rsi
    pop  rdi
    test eax, eax
    jnz  2f
    cmp  edi, 11
    ja   2f
    mov  r9d, edi
    lea  rcx, [rip + .Lskew_clocks]
    movzx r9d, byte ptr [rcx + r9]
    test r9d, r9d
    jz   4f
    test r9d, 1
    jnz  2f
    mov  rcx, [rip + .Lskew_settings]
    cmp  qword ptr [rcx + 8], 0
    je   2f
4:  imul rax, [rsi], 1000000000
    add  rax, [rsi + 8]
    call .Lskew_adjust
    xor  edx, edx
    mov  r8d, 1000000000
    div  r8
    mov  [rsi], rax
    mov  [rsi + 8], rdx
    xor  eax, eax
2:  ret

    .balign 16
# int gettimeofday(struct timeval *rdi, struct timezone *rsi)
.Lskew_gettimeofday:
    push rdi
    push rsi
    sub  rsp, 8
    call [rip + .Lskew_kernel_gtod]
    add  rsp, 8
    pop  rsi
    pop  rdi
    test eax, eax
    jnz  2f
    test rdi, rdi
    jz   2f
    imul rax, [rdi], 1000000000
    imul rdx, [rdi + 8], 1000
    add  rax, rdx
    xor  r9d, r9d
    call .Lskew_adjust
    xor  edx, edx
    mov  r8d, 1000000000
    div  r8
    mov  [rdi], rax
    mov  eax, edx
    xor  edx, edx
    mov  r8d, 1000
    div  r8d
    mov  [rdi + 8], rax
    xor  eax, eax
2:  ret

    .balign 16
# time_t time(time_t *rdi), which the kernel answers by CLOCK_REALTIME_COARSE, too
.Lskew_time:
    push rdi
    sub  rsp, 16
    mov  edi, 5
    mov  rsi, rsp
    call .Lskew_clock_gettime
    mov  rax, [rsp]
    add  rsp, 16
    pop  rdi
    test rdi, rdi
    jz   2f
    mov  [rdi], rax
2:  ret
    .org dsjepsen_skew_stub + {length}, 0xcc
    .popsection
"#,
    length = const STUB_BYTES,
);

// SAFETY: the assembly above defines this very symbol with so many bytes (`.org` fails where they are too few), in a section
// that nobody writes, so that it may be read as any other constant.
unsafe extern "C" {
    #[link_name = "dsjepsen_skew_stub"]
    pub(in super::super) safe static STUB: [u8; STUB_BYTES];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_words_point_into_it() {
        assert_eq!(STUB[..word::CLOCK_GETTIME], [0; word::CLOCK_GETTIME]);
        let at =
            |place: usize| STUB[place..place + 8].iter().rev().fold(0, |value, byte| value << 8 | usize::from(*byte));
        let syscall = at(word::SYSCALL);
        assert_eq!(STUB[syscall..syscall + 3], [0x0f, 0x05, 0xcc]);
        for entry in [word::CLOCK_GETTIME, word::GETTIMEOFDAY, word::TIME] {
            assert!((word::SYSCALL + 8..STUB_BYTES).contains(&at(entry)));
            assert_eq!(STUB[at(entry)], 0x57, "push rdi");
        }
    }
}
