#include "libiscsi/core/pdu/framer.hpp"

#include "libiscsi/base/hex.hpp"
#include "libiscsi/core/pdu/digest.hpp"

#include <algorithm>
#include <string>

namespace iscsi {
namespace {

// Room for the longest header: BHS, 255 words of AHS, digest (§11.2.1.5).
constexpr std::size_t longest_header = bhs_size + 1020 + digest_size_on_wire;
constexpr std::size_t smallest_staging = 2 * longest_header;

// Copying a segment of this length out of the staging area costs more than a read of its own.
constexpr std::uint32_t large_segment = 128 * 1024;
// While such ones come, so much is read with one of them: its padding and digest, the next header.
constexpr std::size_t room_beside_large = 1024;
// Responses may stand between them; more smaller ones in a row are another stream.
constexpr unsigned smaller_between_large = 2;

// Digests are shown as they are computed, not in the order of the wire.
std::string digest_text(std::uint32_t value) {
    return "0x" + hex_of(value, 8);
}

fault digest_fault(
    wire_errc code, std::string_view field, std::uint32_t on_wire, std::uint32_t computed
) {
    return {
        to_error_code(code),
        std::string(field),
        digest_text(on_wire),
        digest_text(computed) + " [RFC 7143 13.1]"};
}

} // namespace

framer::framer(std::size_t staging_size) {
    const auto size = std::max(staging_size, smallest_staging);
    // NOLINTNEXTLINE(modernize-avoid-c-arrays)
    staging_memory_ = std::make_unique_for_overwrite<std::byte[]>(size);
    staging_ = {staging_memory_.get(), size};
}

void framer::restart() {
    rules_ = framing_rules{};
    begin_ = end_ = 0;
    phase_ = phase::header;
    place_ = {};
    kept_ = {};
    smaller_since_large_ = smaller_between_large + 1;
}

// ---- receiving --------------------------------------------------------------------------------

std::span<const mutable_bytes> framer::read_plan() {
    make_room();
    std::size_t spans = 0;
    if (!place_.empty())
        plan_[spans++] = place_;
    plan_[spans++] = staging_.subspan(end_).first(room_to_stage());
    return std::span(plan_).first(spans);
}

// Among large segments only what cannot be told before it is here: what is staged of a segment is
// copied to its place. Never 0, for make_room() leaves half of the area.
std::size_t framer::room_to_stage() const {
    const auto all = staging_.size() - end_;
    const bool is_read_whole = phase_ != phase::header && destiny_ != destiny::place;
    if (is_read_whole || smaller_since_large_ > smaller_between_large)
        return all;
    return std::min(all, room_beside_large);
}

// What goes straight to its place comes first in the plan, and so in the stream.
void framer::received(std::size_t n) {
    const auto straight = std::min(n, place_.size());
    digest_data(place_.first(straight));
    place_ = place_.subspan(straight);
    missing_ -= static_cast<std::uint32_t>(straight);
    end_ += std::min(n - straight, staging_.size() - end_);
}

// Moves what is staged to the front when it stands in the rear half.
void framer::make_room() {
    if (begin_ == end_) {
        begin_ = end_ = 0;
        return;
    }
    if (end_ <= staging_.size() / 2)
        return;
    std::copy(staging_.data() + begin_, staging_.data() + end_, staging_.data());
    end_ -= begin_;
    begin_ = 0;
}

// ---- cutting ----------------------------------------------------------------------------------

result<framing> framer::next() {
    if (phase_ == phase::header)
        return read_header();
    if (phase_ == phase::segment && !take_segment())
        return framing::starved;
    return read_trailer();
}

// Additional headers are skipped: a target has none to say (§11.2.2), but its digest covers them.
result<framing> framer::read_header() {
    if (staged().size() < bhs_size)
        return framing::starved;
    std::copy_n(staged().begin(), bhs_size, header_.begin());
    // Without a digest to wait for, nonsense is told from its first bytes: what is no iSCSI at all
    // may never send the additional headers that it seems to announce.
    if (!rules_.header_digest)
        if (auto checked = check_segment_length(); checked.has_error())
            return checked.error();
    const auto size = bhs_size + total_ahs_length(header_);
    const auto size_with_digest = size + (rules_.header_digest ? digest_size_on_wire : 0);
    if (staged().size() < size_with_digest)
        return framing::starved;
    if (auto checked = check_header_digest(size); checked.has_error())
        return checked.error();
    if (auto checked = check_segment_length(); checked.has_error())
        return checked.error();
    consume(size_with_digest);
    phase_ = phase::segment;
    destiny_ = destiny::keep;
    missing_ = segment_length();
    note_length(missing_);
    kept_ = {};
    data_crc_ = 0;
    return framing::header;
}

void framer::note_length(std::uint32_t segment) {
    if (segment >= large_segment)
        smaller_since_large_ = 0;
    else if (smaller_since_large_ <= smaller_between_large)
        ++smaller_since_large_;
}

result<void> framer::check_header_digest(std::size_t header_size) const {
    if (!rules_.header_digest)
        return {};
    const auto computed = crc32c(staged().first(header_size));
    const auto on_wire = load_digest(staged().data() + header_size);
    if (on_wire == computed)
        return {};
    // §7.8: the length cannot be trusted either, so the place in the stream is lost.
    return digest_fault(wire_errc::header_digest_mismatch, "header digest", on_wire, computed);
}

// Before a byte of the segment is given room (§11.2.1.6, §13.12).
result<void> framer::check_segment_length() const {
    if (segment_length() <= rules_.longest_segment)
        return {};
    return fault{
        to_error_code(wire_errc::data_segment_too_long),
        "DataSegmentLength",
        std::to_string(segment_length()),
        "at most " + std::to_string(rules_.longest_segment) + " [RFC 7143 13.12]"};
}

// Copying what is staged happens in take_segment(), so that place() costs nothing.
void framer::place(mutable_bytes to) {
    destiny_ = destiny::place;
    place_ = to;
}

void framer::discard() {
    destiny_ = destiny::discard;
}

bool framer::take_segment() {
    if (destiny_ == destiny::keep && !keep_segment())
        return false;
    if (destiny_ == destiny::place)
        place_staged();
    if (destiny_ == destiny::discard)
        discard_staged();
    if (missing_ > 0)
        return false;
    phase_ = phase::trailer;
    return true;
}

// A kept segment stays where it was staged, so it is taken only when its trailer is there too:
// nothing may be received over it before it has been read.
bool framer::keep_segment() {
    const auto size = missing_ + trailer_size();
    if (size > staging_.size()) {
        keep_outside_staging();
        return true;
    }
    if (staged().size() < size)
        return false;
    kept_ = consume(missing_);
    digest_data(kept_);
    missing_ = 0;
    return true;
}

// Rare: text and sense are short. It is the only allocation after the construction.
void framer::keep_outside_staging() {
    overflow_.resize(missing_);
    kept_ = overflow_;
    place(overflow_);
}

void framer::place_staged() {
    const auto data = consume(std::min(staged().size(), place_.size()));
    if (rules_.data_digest)
        data_crc_ = copy_with_crc32c(place_, data, data_crc_);
    else
        std::copy(data.begin(), data.end(), place_.begin());
    place_ = place_.subspan(data.size());
    missing_ -= static_cast<std::uint32_t>(data.size());
}

void framer::discard_staged() {
    const auto data = consume(std::min<std::size_t>(staged().size(), missing_));
    digest_data(data);
    missing_ -= static_cast<std::uint32_t>(data.size());
}

// Padding may hold anything, but the digest covers it (§11.2.3). Without data there is none.
result<framing> framer::read_trailer() {
    const auto size = trailer_size();
    if (staged().size() < size)
        return framing::starved;
    const auto trailer = consume(size);
    phase_ = phase::header;
    if (!rules_.data_digest || segment_length() == 0)
        return framing::pdu;
    digest_data(trailer.first(size - digest_size_on_wire));
    const auto on_wire = load_digest(trailer.last(digest_size_on_wire).data());
    if (auto checked = check_data_digest(on_wire); checked.has_error())
        return checked.error();
    return framing::pdu;
}

result<void> framer::check_data_digest(std::uint32_t on_wire) const {
    if (on_wire == data_crc_)
        return {};
    return digest_fault(wire_errc::data_digest_mismatch, "data digest", on_wire, data_crc_);
}

// ---- small things -----------------------------------------------------------------------------

std::size_t framer::trailer_size() const {
    const auto length = segment_length();
    const bool digested = rules_.data_digest && length > 0;
    return padding_of(length) + (digested ? digest_size_on_wire : 0);
}

bytes_view framer::staged() const {
    return bytes_view(staging_).subspan(begin_, end_ - begin_);
}

bytes_view framer::consume(std::size_t n) {
    const auto taken = staged().first(n);
    begin_ += n;
    return taken;
}

void framer::digest_data(bytes_view data) {
    if (rules_.data_digest && !data.empty())
        data_crc_ = crc32c(data, data_crc_);
}

} // namespace iscsi
