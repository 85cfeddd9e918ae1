#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The server's side of the fixed newstyle negotiation of NBD (proto.md of NetworkBlockDevice/nbd;
// the words in quotation marks in this room are its headings).
namespace iscsid::disk {

// The one export of a server. Both strings: UTF-8 without NUL, at most 4096 bytes.
// Fixed at the start of the server; a client that connects later may be given another one.
struct nbd_export {
    std::string name;
    std::uint64_t size = 0; // bytes, a multiple of block_size

    // Bytes, "Block size constraints": the first two are powers of 2, 512 <= preferred and
    // block_size <= 64 KiB, block_size <= preferred; the last is a multiple of block_size.
    std::uint32_t block_size = 512;
    std::uint32_t preferred_block_size = 4096;
    std::uint32_t largest_request = 32U * 1024 * 1024;

    bool read_only = false;
    bool can_flush = false;
    bool can_fua = false;
    bool can_trim = false;
    bool can_write_zeroes = false;
    bool can_multi_conn = false; // a flush on one connection covers the writes of all
    bool rotational = false;
    std::string description; // for people; not sent when empty
};

// "Transmission flags". A read-only export offers neither TRIM nor WRITE ZEROES; DF ("do not
// fragment") exists only where structured replies were agreed.
std::uint16_t transmission_flags_of(const nbd_export& what, bool structured_replies = false);

enum class nbd_errc { not_the_protocol = 1, option_too_long, too_many_options };

const char* category_name(nbd_errc);
std::string_view message_of(nbd_errc);

// Bytes in, bytes out, no I/O. After the construction and after every received(): send what
// take_output() gives, then look at now(). A server closes the connection when it is `aborted`, and
// from `transmission` on gives all bytes, beginning with take_rest(), to the one who serves
// requests.
class nbd_handshake {
  public:
    enum class phase { negotiating, transmission, aborted };

    // The greeting is ready in take_output().
    explicit nbd_handshake(nbd_export what);

    // Takes bytes of the client, cut anywhere. Faults of nbd_errc end the handshake: the phase is
    // `aborted`. Once it is, bytes are dropped; in `transmission` they are kept for take_rest().
    iscsi::result<void> received(iscsi::bytes_view bytes);

    std::vector<std::byte> take_output();

    // What followed the handshake; empty unless now() is `transmission`.
    std::vector<std::byte> take_rest();

    phase now() const { return phase_; }

    bool structured_replies() const { return structured_replies_; }

  private:
    struct option_header;

    iscsi::result<void> negotiate();

    // Both give how many bytes they used; 0 when they need more.
    iscsi::result<std::size_t> read_client_flags(iscsi::bytes_view input);
    iscsi::result<std::size_t> read_option(iscsi::bytes_view input);
    iscsi::result<void> check(const option_header& header) const;

    void answer(std::uint32_t option, iscsi::bytes_view data);
    void answer_export_name(iscsi::bytes_view name);
    void answer_list(std::uint32_t option);
    void answer_info(std::uint32_t option, iscsi::bytes_view data);
    void answer_structured_reply(std::uint32_t option);
    void send_infos(std::uint32_t option, iscsi::bytes_view requests);

    void send(iscsi::bytes_view bytes);
    void reply(std::uint32_t option, std::uint32_t type, iscsi::bytes_view data = {});
    void refuse(std::uint32_t option, std::uint32_t type, std::string_view why);
    bool is_known(std::string_view name) const;

    nbd_export export_;
    phase phase_ = phase::negotiating;
    std::optional<std::uint32_t> client_flags_; // once they came
    std::size_t options_ = 0;                   // answered until now
    bool structured_replies_ = false;
    std::vector<std::byte> pending_; // less than one option, or in `transmission` the rest
    std::vector<std::byte> output_;
};

} // namespace iscsid::disk
