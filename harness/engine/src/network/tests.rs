//! The network from outside: real sockets on loopback at both ends.

mod bulk;
mod delivery;
mod half_close;
mod intact;
mod laboratory;
mod lifecycle;
mod measured;
mod owner;
mod partition;
mod shaping;
