#include "tests/support/unit_condition.hpp"

#include <algorithm>
#include <array>

namespace iscsi::test {
namespace {

constexpr std::uint8_t request_sense = 0x03;
constexpr std::uint8_t inquiry = 0x12;
constexpr std::uint8_t report_luns = 0xa0;

constexpr std::uint8_t reservation_conflict = 0x18;

// READ(10), READ(16); WRITE(10), WRITE(16), SYNCHRONIZE CACHE, WRITE SAME and UNMAP.
constexpr std::array<std::uint8_t, 2> reading{0x28, 0x88};
constexpr std::array<std::uint8_t, 7> writing{0x2a, 0x8a, 0x35, 0x91, 0x41, 0x93, 0x42};

bool conflicts(reservation with, std::uint8_t code) {
    const auto is_in = [code](const auto& codes) {
        return std::find(codes.begin(), codes.end(), code) != codes.end();
    };
    if (with == reservation::none)
        return false;
    return is_in(writing) || (with == reservation::exclusive_access && is_in(reading));
}

bool is_same(const sense_code& a, const sense_code& b) {
    return a.key == b.key && a.asc == b.asc && a.ascq == b.ascq;
}

} // namespace

std::optional<scsi_answer> unit_condition::answer_to(const nexus& from, const cdb_bytes& cdb) {
    const auto code = std::to_integer<std::uint8_t>(cdb[0]);
    if (code == inquiry || code == report_luns || code == request_sense)
        return std::nullopt;
    if (const auto found = attentions_.find(from); found != attentions_.end()) {
        auto& queue = found->second;
        const auto oldest = queue.front();
        queue.pop_front();
        if (queue.empty())
            attentions_.erase(found);
        return oldest.answer();
    }
    if (refuses)
        return refuses->answer();
    if (conflicts(reserved, code))
        return scsi_answer{reservation_conflict, {}, {}};
    return std::nullopt;
}

void unit_condition::add_attention(const nexus& to, const sense_code& what) {
    if (to.empty())
        return;
    auto& queue = attentions_[to];
    const auto known = std::any_of(queue.begin(), queue.end(), [&what](const auto& each) {
        return is_same(each, what);
    });
    if (!known)
        queue.push_back(what);
}

std::chrono::steady_clock::time_point unit_condition::due(std::chrono::steady_clock::time_point now
) {
    const auto begin = one_by_one ? std::max(now, busy_until) : now;
    busy_until = begin + delay;
    return busy_until;
}

} // namespace iscsi::test
