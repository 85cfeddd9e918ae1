#include "tests/support/fault_injector.hpp"

#include <algorithm>
#include <utility>

namespace iscsi::test {
namespace {

constexpr std::byte flipped{0x10};

opcode opcode_of(bytes_view header) {
    return static_cast<opcode>(std::to_integer<std::uint8_t>(header[0]) & 0x3fU);
}

std::uint32_t load(const header_field& field, const basic_header& from) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < field.size; ++i)
        value = value << 8U | std::to_integer<std::uint32_t>(from.at(field.at + i));
    return value;
}

void store(const header_field& field, basic_header& to, std::uint32_t value) {
    for (std::size_t i = field.size; i > 0; --i, value >>= 8U)
        to.at(field.at + i - 1) = static_cast<std::byte>(value);
}

// A text of another length must be announced as such.
void replace_data(raw_pdu& pdu, std::string_view text) {
    const auto bytes = bytes_of(text);
    pdu.data.assign(bytes.begin(), bytes.end());
    store({"length", 5, 3}, pdu.header, static_cast<std::uint32_t>(pdu.data.size()));
}

} // namespace

fault_injector::outcome fault_injector::apply(const std::vector<std::byte>& said, digests which) {
    outcome to;
    if (said.empty())
        return to;
    const bool in_login = opcode_of(said) == opcode::login_response;
    if (in_login) // another connection: what was held back is gone
        held_.clear();
    pdu_cutter cutter;
    const auto used = in_login ? digests{} : which;
    cutter.use(used);
    cutter.feed(said);
    for (auto next = cutter.next(); next.has_value() && *next; next = cutter.next())
        if (!apply_to(**next, used, to))
            break;
    return to;
}

// False: the connection says nothing more.
bool fault_injector::apply_to(const raw_pdu& pdu, digests which, outcome& to) {
    auto changed = pdu;
    const auto begin = to.bytes.size();
    bool emitted = false;
    swallowed_ = false;
    for (auto& rule : rules_) {
        const bool meant = !rule.pdu || *rule.pdu == opcode_of(pdu.header);
        if (!meant || !rule.applies_to_next())
            continue;
        ++faults_;
        do_it(rule, changed, which, to);
        emitted = emitted || rule.what == fault_action::cut || rule.what == fault_action::corrupt;
    }
    if (to.close || to.silence || swallowed_)
        return !to.close && !to.silence;
    if (emitted && to.bytes.size() > begin)
        return true;
    emit(changed, which, to);
    return true;
}

void fault_injector::do_it(const fault_rule& rule, raw_pdu& pdu, digests which, outcome& to) {
    const auto begin = to.bytes.size();
    switch (rule.what) {
    case fault_action::drop:
        to.close = true;
        return;
    case fault_action::cut:
        append_pdu(to.bytes, pdu.header, pdu.data, which);
        to.bytes.resize(std::min(to.bytes.size(), begin + rule.value));
        to.close = true;
        return;
    case fault_action::stall:
        to.stall = std::chrono::milliseconds(rule.value);
        return;
    case fault_action::silence:
        to.silence = true;
        return;
    case fault_action::corrupt:
        append_pdu(to.bytes, pdu.header, pdu.data, which);
        to.bytes.at(begin + std::min<std::size_t>(rule.value, to.bytes.size() - begin - 1)) ^=
            flipped;
        return;
    case fault_action::set:
    case fault_action::add:
        return change_field(rule, pdu);
    case fault_action::twice:
        append_pdu(to.bytes, pdu.header, pdu.data, which);
        return;
    case fault_action::swallow:
        swallowed_ = true;
        return;
    case fault_action::swap:
        swapping_ = true;
        return;
    case fault_action::text:
        return replace_data(pdu, rule.text + '\0');
    case fault_action::raw:
        return replace_data(pdu, rule.text);
    case fault_action::async:
        to.messages.push_back(static_cast<std::uint8_t>(rule.value));
        return;
    case fault_action::hold: // these are of what is heard
    case fault_action::delay:
    case fault_action::status:
    case fault_action::sense:
    case fault_action::reject:
        return;
    }
}

fault_injector::verdict fault_injector::judge(const raw_pdu& heard) {
    verdict to;
    for (auto& rule : rules_) {
        if (rule.pdu != opcode_of(heard.header) || !rule.is_about(heard.header) ||
            !rule.applies_to_next())
            continue;
        ++faults_;
        add_to(to, rule);
    }
    return to;
}

void fault_injector::add_to(verdict& to, const fault_rule& rule) {
    to.close = to.close || rule.what == fault_action::drop;
    to.silence = to.silence || rule.what == fault_action::silence;
    to.ignore = to.ignore || rule.what == fault_action::swallow;
    to.hold = to.hold || rule.what == fault_action::hold;
    if (rule.what == fault_action::async)
        to.messages.push_back(static_cast<std::uint8_t>(rule.value));
    if (rule.what == fault_action::reject)
        to.reject = static_cast<std::uint8_t>(rule.value);
    if (rule.what == fault_action::delay)
        to.delay += std::chrono::milliseconds(rule.value);
    if (rule.what == fault_action::status)
        to.answer = scsi_answer{static_cast<std::uint8_t>(rule.value), {}, {}};
    if (rule.what == fault_action::sense)
        to.answer = scsi_answer::check_condition(
            static_cast<std::uint8_t>(rule.value >> 16U & 0xfU),
            static_cast<std::uint8_t>(rule.value >> 8U),
            static_cast<std::uint8_t>(rule.value)
        );
}

void fault_injector::change_field(const fault_rule& rule, raw_pdu& pdu) const {
    const bool adds = rule.what == fault_action::add;
    store(rule.field, pdu.header, rule.value + (adds ? load(rule.field, pdu.header) : 0));
}

void fault_injector::emit(const raw_pdu& pdu, digests which, outcome& to) {
    if (std::exchange(swapping_, false)) {
        append_pdu(held_, pdu.header, pdu.data, which);
        return;
    }
    append_pdu(to.bytes, pdu.header, pdu.data, which);
    to.bytes.insert(to.bytes.end(), held_.begin(), held_.end());
    held_.clear();
}

} // namespace iscsi::test
