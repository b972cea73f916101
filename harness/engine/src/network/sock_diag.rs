//! The question to the kernel whose end of a connection is which socket, asked over a netlink socket by the exact addresses
//! and ports (`NETLINK_SOCK_DIAG`, see sock_diag(7)). Anybody may ask it. The list in `/proc/net/tcp` would not do: it is
//! read piece by piece, and lacks connections that come and go meanwhile.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

/// `SOCK_DIAG_BY_FAMILY`, the type of both question and answer.
const BY_FAMILY: u16 = 20;
/// `NLMSG_ERROR`, the type of the answer that is an error number.
const ERROR: u16 = 2;
/// `INET_DIAG_NOCOOKIE`: the socket is named by its addresses alone.
const NO_COOKIE: [u8; 8] = [0xff; 8];
/// The length of `struct nlmsghdr`.
const HEADER: usize = 16;
/// The length of `struct inet_diag_sockid`.
const ADDRESSES: usize = 48;
/// The length of `struct inet_diag_req_v2`.
const QUESTION: usize = 8 + ADDRESSES;
/// Where `struct inet_diag_msg` has its `inode`, behind the header.
const INODE: usize = 4 + ADDRESSES + 16;
/// The kernel answers before the question's system call returns; a longer wait means that it never will.
const PATIENCE_MS: i64 = 200;

/// The inode of the socket that is bound to `local` and connected to `remote`; nothing if there is none, or no process has
/// it open any more.
pub(crate) fn inode_of(local: SocketAddrV4, remote: SocketAddrV4) -> io::Result<Option<u64>> {
    let netlink =
        socket(AddressFamily::Netlink, SockType::Datagram, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkSockDiag)?;
    ask(&netlink, &question(local, remote))?;
    let mut answer = [0; 1024];
    let length = retried(|| recv(netlink.as_raw_fd(), &mut answer, MsgFlags::empty()))?;
    read_answer(&answer[..length], local, remote)
}

fn ask(netlink: &OwnedFd, question: &[u8]) -> io::Result<()> {
    setsockopt(netlink, sockopt::ReceiveTimeout, &TimeVal::milliseconds(PATIENCE_MS))?;
    // A netlink socket without an address of its own speaks to the kernel.
    let sent = retried(|| send(netlink.as_raw_fd(), question, MsgFlags::empty()))?;
    if sent == question.len() { Ok(()) } else { Err(ErrorKind::WriteZero.into()) }
}

/// Tries again what a signal interrupted.
fn retried(mut call: impl FnMut() -> nix::Result<usize>) -> nix::Result<usize> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}

/// `struct nlmsghdr` and `struct inet_diag_req_v2`: addresses and ports in network order, all else in the machine's.
fn question(local: SocketAddrV4, remote: SocketAddrV4) -> Vec<u8> {
    let length = u32::try_from(HEADER + QUESTION).expect("it is a small constant");
    let (flags, sequence, port_id) = (libc::NLM_F_REQUEST as u16, 0_u32, 0_u32);
    let every_state = u32::MAX;
    let mut bytes = Vec::with_capacity(HEADER + QUESTION);
    bytes.extend(length.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(port_id.to_ne_bytes());
    bytes.extend([libc::AF_INET as u8, libc::IPPROTO_TCP as u8, 0, 0]);
    bytes.extend(every_state.to_ne_bytes());
    bytes.extend(local.port().to_be_bytes());
    bytes.extend(remote.port().to_be_bytes());
    for address in [local.ip(), remote.ip()] {
        bytes.extend(address.octets());
        bytes.extend([0; 12]);
    }
    let any_interface = 0_u32;
    bytes.extend(any_interface.to_ne_bytes());
    bytes.extend(NO_COOKIE);
    bytes
}

fn read_answer(answer: &[u8], local: SocketAddrV4, remote: SocketAddrV4) -> io::Result<Option<u64>> {
    let malformed = || io::Error::new(ErrorKind::InvalidData, "the kernel's answer has another form");
    let word = |at: usize| answer.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).ok_or_else(malformed);
    let kind = answer.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_ne_bytes);
    match kind {
        Some(ERROR) => match -i32::from_ne_bytes(word(HEADER)?) {
            libc::ENOENT => Ok(None),
            error => Err(io::Error::from_raw_os_error(error)),
        },
        Some(BY_FAMILY) => {
            // Without the connection, the kernel would name a socket that listens on its address.
            let (family, addresses) = (answer.get(HEADER), answer.get(HEADER + 4..HEADER + 4 + ADDRESSES));
            let (family, addresses) = (family.ok_or_else(malformed)?, addresses.ok_or_else(malformed)?);
            let found = endpoints(i32::from(*family), addresses).ok_or_else(malformed)?;
            let inode = u64::from(u32::from_ne_bytes(word(HEADER + INODE)?));
            Ok((found == [Some(local), Some(remote)] && inode != 0).then_some(inode))
        }
        _ => Err(malformed()),
    }
}

/// Both ends in a `struct inet_diag_sockid`. A program may have made its connection with a socket of IPv6.
fn endpoints(family: i32, addresses: &[u8]) -> Option<[Option<SocketAddrV4>; 2]> {
    let end = |port_at: usize, address_at: usize| {
        let port = u16::from_be_bytes(addresses.get(port_at..port_at + 2)?.try_into().ok()?);
        let octets: [u8; 16] = addresses.get(address_at..address_at + 16)?.try_into().ok()?;
        let address = match family {
            libc::AF_INET6 => Ipv6Addr::from(octets).to_ipv4_mapped(),
            _ => Some(Ipv4Addr::new(octets[0], octets[1], octets[2], octets[3])),
        };
        Some(address.map(|address| SocketAddrV4::new(address, port)))
    };
    Some([end(0, 4)?, end(2, 20)?])
}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn v4(address: SocketAddr) -> SocketAddrV4 {
        match address {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(address) => SocketAddrV4::new(address.ip().to_ipv4_mapped().unwrap(), address.port()),
        }
    }

    fn inode(socket: &impl AsRawFd) -> u64 {
        std::fs::metadata(format!("/proc/self/fd/{}", socket.as_raw_fd())).unwrap().ino()
    }

    #[test]
    fn both_ends_of_a_connection_are_found_and_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server_address = v4(listener.local_addr().unwrap());
        let mapped = SocketAddr::from((server_address.ip().to_ipv6_mapped(), server_address.port()));
        for dialled in [SocketAddr::V4(server_address), mapped] {
            let client = TcpStream::connect(dialled).unwrap();
            let (server, _) = listener.accept().unwrap();
            let client_address = v4(client.local_addr().unwrap());
            assert_eq!(inode_of(client_address, server_address).unwrap(), Some(inode(&client)), "{dialled}");
            assert_eq!(inode_of(server_address, client_address).unwrap(), Some(inode(&server)), "{dialled}");
        }
    }

    #[test]
    fn a_socket_that_is_closed_has_no_owner() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server_address = v4(listener.local_addr().unwrap());
        let client = TcpStream::connect(server_address).unwrap();
        let client_address = v4(client.local_addr().unwrap());
        let (_server, _) = listener.accept().unwrap();
        drop(client);
        assert_eq!(inode_of(client_address, server_address).unwrap(), None, "the kernel still ends the connection");
    }

    #[test]
    fn a_listener_is_not_taken_for_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let nobody = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 3), 9);
        assert_eq!(inode_of(v4(listener.local_addr().unwrap()), nobody).unwrap(), None);
    }

    #[test]
    fn what_the_kernel_did_not_say_is_an_error() {
        let end = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 1);
        let mut refusal = vec![0; 36];
        refusal[4..6].copy_from_slice(&ERROR.to_ne_bytes());
        refusal[16..20].copy_from_slice(&(-libc::EPERM).to_ne_bytes());
        assert_eq!(read_answer(&refusal, end, end).unwrap_err().raw_os_error(), Some(libc::EPERM));
        let mut short = [0; 60];
        short[4..6].copy_from_slice(&BY_FAMILY.to_ne_bytes());
        for torn in [&refusal[..18], &short[..], &[]] {
            assert_eq!(read_answer(torn, end, end).unwrap_err().kind(), ErrorKind::InvalidData);
        }
    }
}
