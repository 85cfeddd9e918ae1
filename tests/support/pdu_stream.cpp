#include "tests/support/pdu_stream.hpp"

#include "libiscsi/base/crc32c.hpp"

namespace iscsi::test {
namespace {

constexpr std::size_t digest_size = 4;

std::size_t size_of(digest which) {
    return which == digest::none ? 0 : digest_size;
}

// On the wire the CRC stands in little-endian order (RFC 7143 §13.1). It is counted before it is
// appended, for what it covers may stand in `to`.
void append_digest(std::vector<std::byte>& to, bytes_view covered) {
    const std::uint32_t crc = crc32c(covered);
    for (unsigned shift = 0; shift < 32; shift += 8)
        to.push_back(static_cast<std::byte>(crc >> shift));
}

bool digest_matches(bytes_view covered, bytes_view on_wire) {
    std::vector<std::byte> expected;
    append_digest(expected, covered);
    return std::equal(expected.begin(), expected.end(), on_wire.begin());
}

} // namespace

void pdu_cutter::feed(bytes_view bytes) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
    begin_ = 0;
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

result<std::optional<raw_pdu>> pdu_cutter::next() {
    const std::optional<raw_pdu> nothing;
    const bytes_view waiting = bytes_view(buffer_).subspan(begin_);
    if (waiting.size() < bhs_size)
        return nothing;
    raw_pdu pdu;
    std::copy_n(waiting.begin(), bhs_size, pdu.header.begin());
    const std::size_t headers = bhs_size + total_ahs_length(pdu.header);
    const std::size_t length = data_segment_length(pdu.header);
    const std::size_t padded = length + padding_of(static_cast<std::uint32_t>(length));
    const std::size_t data_at = headers + size_of(digests_.header);
    const std::size_t data_digest = length == 0 ? 0 : size_of(digests_.data);
    const std::size_t whole = data_at + padded + data_digest;
    if (waiting.size() < whole)
        return nothing;
    const bytes_view bytes = waiting.first(whole);
    if (digests_.header != digest::none &&
        !digest_matches(bytes.first(headers), bytes.subspan(headers)))
        return fault{to_error_code(wire_errc::header_digest_mismatch), "header digest", {}, {}};
    if (data_digest != 0 &&
        !digest_matches(bytes.subspan(data_at, padded), bytes.subspan(data_at + padded)))
        return fault{to_error_code(wire_errc::data_digest_mismatch), "data digest", {}, {}};
    const auto data = bytes.subspan(data_at, length);
    pdu.data.assign(data.begin(), data.end());
    begin_ += whole;
    return std::optional<raw_pdu>(std::move(pdu));
}

void append_pdu(std::vector<std::byte>& to, basic_header header, bytes_view data, digests which) {
    gathered_output one;
    append_pdu(one, header, data, which);
    const auto bytes = one.take_flat();
    to.insert(to.end(), bytes.begin(), bytes.end());
}

void append_pdu(gathered_output& to, basic_header header, bytes_view data, digests which) {
    auto& copied = to.bytes();
    copied.insert(copied.end(), header.begin(), header.end());
    if (which.header != digest::none)
        append_digest(copied, header);
    if (data.empty())
        return;
    const auto padding = padding_of(static_cast<std::uint32_t>(data.size()));
    const auto begin = copied.size();
    const bool is_named = are_lasting(data) && padding == 0;
    if (is_named)
        to.name(data);
    else
        copied.insert(copied.end(), data.begin(), data.end());
    copied.resize(copied.size() + padding);
    if (which.data == digest::none)
        return;
    const auto crc_of = is_named ? data : bytes_view(copied).subspan(begin);
    append_digest(copied, crc_of);
}

} // namespace iscsi::test
