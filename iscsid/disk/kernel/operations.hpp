#pragma once

#include "iscsid/disk/kernel/fields.hpp"
#include "iscsid/os/descriptor.hpp"

namespace iscsid::disk {

// The names of what the helper does, with the arguments of each request and the results of its
// reply. Numbers are decimal, flags 0 or 1, times milliseconds.
namespace operation {

inline constexpr const char* bind_loop = "bind-loop";     // file, block size, size, read-only: node
inline constexpr const char* unbind_loop = "unbind-loop"; // node, backing file, flush, patience
inline constexpr const char* release_loop = "release-loop"; // node, backing file
inline constexpr const char* resize_loop = "resize-loop";   // node, file, read-only
inline constexpr const char* unmount = "unmount";           // path
inline constexpr const char* abort = "abort";               // path of a mount
inline constexpr const char* is_held = "is-held";           // node: flag
inline constexpr const char* let_go = "let-go";             // folder, path of an ended mount
inline constexpr const char* users = "users";             // nodes: who uses each, cut to what fits
inline constexpr const char* flush = "flush";             // node, whether with what lies above it
inline constexpr const char* scan = "scan";               // node
inline constexpr const char* protect = "protect";         // node, read-only
inline constexpr const char* set = "set";                 // node, attribute, value: flag
inline constexpr const char* load_module = "load-module"; // name, option: flag
// opcode, command (32 bytes), payload, limit: result or errno, flag for errno, payload
inline constexpr const char* ublk = "ublk";
inline constexpr const char* end_ublk = "end-ublk";       // node, opcode, command, limit
inline constexpr const char* connect_nbd = "connect-nbd"; // index, size, block size, flags,
                                                          // dead_conn_timeout, backend; a socket
inline constexpr const char* reconfigure_nbd = "reconfigure-nbd"; // index, backend; a socket
inline constexpr const char* resize_nbd = "resize-nbd";           // index, backend, size
inline constexpr const char* disconnect_nbd = "disconnect-nbd";   // index
inline constexpr const char* find_nbd = "find-nbd";               // whether the family is there
inline constexpr const char* end_nbd = "end-nbd";                 // node, index

} // namespace operation

// Does what a request says, in the calling process, for as long as the kernel takes; gives the
// reply. `socket` is what came with the request. An unknown name and arguments that are missing or
// malformed are answered with helper_failed.
fields perform(const fields& request, const os::descriptor& socket);

} // namespace iscsid::disk
