#pragma once

#include "libiscsi/core/pdu/pdu.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace iscsi {

// What the login changes about the form of a PDU. Before: no digests and segments of 8192 bytes
// at most (RFC 7143 §13.12).
// They change once, behind the last PDU of the login, and hold for both directions.
struct framing_rules {
    bool header_digest = false;
    bool data_digest = false;
    std::uint32_t longest_segment = 8192;
};

enum class framing : std::uint8_t {
    starved, // more bytes are needed
    header,  // header() is complete and verified; its data segment comes next
    pdu,     // the data segment too
};

// Cuts the byte stream of one connection into PDUs (RFC 7143 §11.2).
//
//   read_plan()  says where the next bytes must go;
//   received(n)  says that n bytes are there; then call next() until it says starved.
//
// After `header` the owner says where the data segment goes: place() or discard(); without a word
// it is kept, and kept_segment() shows it after `pdu` until the next read_plan().
//
// Many small PDUs ride in one read of the staging area. The part of a placed segment that has not
// been staged is received straight into its place, with the staging area behind it, so that the
// padding, the digest and the next headers come with the same read. While segments are large, only
// a header's worth of that area is read into, so that the next segment is received straight, too.
class framer {
  public:
    // `staging_size` in bytes; at least twice the longest possible header is taken. Everything is
    // allocated here, but for a kept segment that is longer than this.
    explicit framer(std::size_t staging_size);

    // A new stream with the rules of the login phase.
    // Call it before the first byte of each connection.
    void restart();

    // Between two PDUs: what is staged already is cut by the new rules.
    void adopt(const framing_rules& rules) { rules_ = rules; }

    // One or two pieces of memory, never empty. It may move what is staged, so kept_segment() ends
    // with it.
    std::span<const mutable_bytes> read_plan();
    // n at most the sum of the last read_plan().
    void received(std::size_t n);

    // Faults: wire_errc::data_segment_too_long, ::header_digest_mismatch, ::data_digest_mismatch.
    // After a fault the place in the stream is lost: only restart() helps.
    result<framing> next();

    // Of the PDU that is being cut; changes with the next `header`.
    const basic_header& header() const { return header_; }

    std::uint32_t segment_length() const { return data_segment_length(header_); }

    // `to` has exactly segment_length() bytes.
    // Before next() is called again. What is staged of the segment is copied, the rest is received
    // there.
    void place(mutable_bytes to);
    // The digest is still checked: it says whether the stream can be trusted.
    void discard();

    // A segment is being received into memory that was named by place().
    bool is_placing() const { return phase_ == phase::segment && destiny_ == destiny::place; }

    bytes_view kept_segment() const { return kept_; }

  private:
    // Where in a PDU the stream stands.
    enum class phase : std::uint8_t { header, segment, trailer };
    // What becomes of the data segment.
    enum class destiny : std::uint8_t { keep, place, discard };

    std::size_t room_to_stage() const;
    void note_length(std::uint32_t segment);
    result<framing> read_header();
    result<void> check_header_digest(std::size_t header_size) const;
    result<void> check_segment_length() const;
    bool take_segment();
    bool keep_segment();
    void keep_outside_staging();
    void place_staged();
    void discard_staged();
    result<framing> read_trailer();
    result<void> check_data_digest(std::uint32_t on_wire) const;

    std::size_t trailer_size() const;
    bytes_view staged() const;
    bytes_view consume(std::size_t n);
    void digest_data(bytes_view data);
    void make_room();

    framing_rules rules_;
    // Not cleared: what an idle session has never received into takes no memory.
    // NOLINTNEXTLINE(modernize-avoid-c-arrays): a std::vector would clear it
    std::unique_ptr<std::byte[]> staging_memory_;
    mutable_bytes staging_;
    std::size_t begin_ = 0; // of the bytes that are staged and not yet consumed
    std::size_t end_ = 0;
    std::array<mutable_bytes, 2> plan_{};

    phase phase_ = phase::header;
    destiny destiny_ = destiny::keep;
    basic_header header_{};
    std::uint32_t missing_ = 0; // bytes of the segment that have not been taken
    mutable_bytes place_;       // where the missing ones go
    bytes_view kept_;
    std::vector<std::byte> overflow_; // a kept segment that does not fit into the staging area
    std::uint32_t data_crc_ = 0;
    unsigned smaller_since_large_ = ~0U; // PDUs, up to where it makes no difference
};

} // namespace iscsi
