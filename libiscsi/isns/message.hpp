#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/isns/status.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// iSNSP messages (RFC 4171 §5): a header and attributes, cut into PDUs of less than 64 KiB.
namespace iscsi::isns {

inline constexpr std::uint16_t isns_port = 3205;

// §5.1.2; the answer to a function has response_bit, too.
enum class function : std::uint16_t {
    register_attributes = 0x0001,  // DevAttrReg
    query_attributes = 0x0002,     // DevAttrQry
    deregister = 0x0004,           // DevDereg
    register_for_changes = 0x0005, // SCNReg
    deregister_from_changes = 0x0006,
    state_change = 0x0008,          // SCN
    entity_status_inquiry = 0x000d, // ESI
};

inline constexpr std::uint16_t response_bit = 0x8000;

// §6.1; only those that an initiator has to do with.
enum class tag : std::uint32_t {
    delimiter = 0,
    entity_identifier = 1,
    entity_protocol = 2,
    timestamp = 4,
    registration_period = 6,
    portal_address = 16,
    portal_port = 17,
    scn_port = 23,
    iscsi_name = 32,
    node_type = 33,
    scn_bitmap = 35,
    group_iscsi_name = 48,
    group_portal_address = 49,
    group_portal_port = 50,
    group_tag = 51,
};

struct attribute {
    std::uint32_t tag = 0;
    std::vector<std::byte> value{}; // padded to a multiple of 4, as on the wire

    bool is(isns::tag which) const { return tag == static_cast<std::uint32_t>(which); }

    friend bool operator==(const attribute&, const attribute&) = default;
};

// Texts are NUL-terminated UTF-8, padded (§5.1.7). `nothing`: of length 0, which asks for a value.
attribute nothing(tag which);
attribute number(tag which, std::uint32_t value);
attribute text(tag which, std::string_view value);

// Faults: bad_value, for another length than 4, and for a text without its NUL, with something
// behind it, or with control characters.
result<std::uint32_t> number_of(const attribute& from);
result<std::string> text_of(const attribute& from);

// A message, whole.
struct message {
    std::uint16_t function_id = 0;
    std::uint16_t transaction = 0;
    bool replaces = false;                    // of registrations (§5.1.4)
    std::optional<std::uint32_t> status = {}; // of answers
    std::vector<attribute> attributes{};

    bool is_answer() const { return (function_id & response_bit) != 0; }

    friend bool operator==(const message&, const message&) = default;
};

// All PDUs of it, behind each other, as a client sends them.
std::vector<std::byte> encode(const message& what);

// Makes messages of bytes: of a stream, in pieces of any size, or of one datagram. Bytes of a
// message are kept until it is whole, so its size is bounded.
class assembler {
  public:
    static constexpr std::size_t longest_message = std::size_t{4} << 20U;
    static constexpr std::size_t most_pdus = 4096; // of one message; empty ones count, too

    // The first message that is whole with these bytes; what is behind it waits for the next call.
    // Nothing: more bytes are needed. After a fault the stream is of no use any more.
    result<std::optional<message>> take(bytes_view more);

  private:
    struct header {
        std::uint16_t function_id = 0, flags = 0, transaction = 0, sequence = 0;
        std::size_t length = 0;
    };

    static result<header> read_header(bytes_view from);
    result<void> check_order(const header& next) const;
    result<void> add(const header& next, bytes_view payload);
    result<message> finish();

    std::vector<std::byte> unread_;
    std::optional<header> first_; // of the message under way
    std::size_t pdus_ = 0;
    std::vector<std::byte> payload_;
};

} // namespace iscsi::isns
