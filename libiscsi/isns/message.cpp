#include "libiscsi/isns/message.hpp"

#include "libiscsi/base/shown.hpp"

#include <algorithm>

namespace iscsi::isns {

namespace {

constexpr std::size_t header_size = 12;
constexpr std::uint16_t version = 1;
constexpr std::size_t longest_payload = 0xfffc; // the length field has 16 bits, and counts words

// §5.1.4. The bits are numbered from the left there.
constexpr std::uint16_t from_client = 0x8000;
constexpr std::uint16_t has_authentication = 0x2000;
constexpr std::uint16_t replace = 0x1000;
constexpr std::uint16_t last_pdu = 0x0800;
constexpr std::uint16_t first_pdu = 0x0400;

void append_be16(std::vector<std::byte>& to, std::size_t value) {
    to.resize(to.size() + 2);
    store_be16(to.data() + to.size() - 2, static_cast<std::uint16_t>(value));
}

void append_be32(std::vector<std::byte>& to, std::uint32_t value) {
    to.resize(to.size() + 4);
    store_be32(to.data() + to.size() - 4, value);
}

std::vector<std::byte> payload_of(const message& what) {
    std::vector<std::byte> all;
    if (what.status)
        append_be32(all, *what.status);
    for (const auto& each : what.attributes) {
        append_be32(all, each.tag);
        append_be32(all, static_cast<std::uint32_t>(each.value.size()));
        all.insert(all.end(), each.value.begin(), each.value.end());
    }
    return all;
}

result<std::vector<attribute>> read_attributes(bytes_view from) {
    std::vector<attribute> all;
    while (!from.empty()) {
        if (from.size() < 8)
            return isns_fault(
                isns_errc::bad_attribute,
                "attribute",
                std::to_string(from.size()) + " bytes",
                "tag and length"
            );
        attribute next{load_be32(from.data())};
        const std::size_t length = load_be32(from.data() + 4);
        from = from.subspan(8);
        if (length > from.size() || length % 4 != 0)
            return isns_fault(
                isns_errc::bad_attribute,
                "length of attribute " + std::to_string(next.tag),
                std::to_string(length),
                "a multiple of 4, at most " + std::to_string(from.size()) +
                    " (RFC 4171 section 5.1.7)"
            );
        next.value.assign(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(length));
        from = from.subspan(length);
        all.push_back(std::move(next));
    }
    return all;
}

std::string name_of(const attribute& of) {
    return "attribute " + std::to_string(of.tag);
}

} // namespace

attribute nothing(tag which) {
    return {static_cast<std::uint32_t>(which)};
}

attribute number(tag which, std::uint32_t value) {
    attribute made = nothing(which);
    append_be32(made.value, value);
    return made;
}

attribute text(tag which, std::string_view value) {
    attribute made = nothing(which);
    for (const char c : value)
        made.value.push_back(static_cast<std::byte>(c));
    made.value.resize((value.size() / 4 + 1) * 4);
    return made;
}

result<std::uint32_t> number_of(const attribute& from) {
    if (from.value.size() != 4)
        return isns_fault(
            isns_errc::bad_value, name_of(from), std::to_string(from.value.size()) + " bytes", "4"
        );
    return load_be32(from.value.data());
}

result<std::string> text_of(const attribute& from) {
    const auto end = std::ranges::find(from.value, std::byte{0});
    std::string whole;
    for (auto at = from.value.begin(); at != end; ++at)
        whole.push_back(static_cast<char>(*at));
    const bool is_padded =
        end != from.value.end() &&
        std::all_of(end, from.value.end(), [](std::byte each) { return each == std::byte{0}; });
    const bool is_printable = std::ranges::none_of(whole, [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    if (!is_padded || !is_printable)
        return isns_fault(
            isns_errc::bad_value,
            name_of(from),
            shown(std::string_view(whole).substr(0, 80)),
            "printable text, then NULs"
        );
    return whole;
}

std::vector<std::byte> encode(const message& what) {
    const auto payload = payload_of(what);
    std::vector<std::byte> all;
    std::size_t at = 0;
    for (std::size_t sequence = 0; sequence == 0 || at < payload.size(); ++sequence) {
        const auto length = std::min(payload.size() - at, longest_payload);
        const bool is_last = at + length == payload.size();
        append_be16(all, version);
        append_be16(all, what.function_id);
        append_be16(all, length);
        append_be16(
            all,
            static_cast<std::size_t>(from_client) | (what.replaces ? replace : 0U) |
                (is_last ? last_pdu : 0U) | (sequence == 0 ? first_pdu : 0U)
        );
        append_be16(all, what.transaction);
        append_be16(all, sequence);
        const auto begin = payload.begin() + static_cast<std::ptrdiff_t>(at);
        all.insert(all.end(), begin, begin + static_cast<std::ptrdiff_t>(length));
        at += length;
    }
    return all;
}

// An authentication block would follow the payload (§5.5); nobody is authenticated here, and its
// length is not known without reading it.
result<assembler::header> assembler::read_header(bytes_view from) {
    header read;
    read.function_id = load_be16(from.data() + 2);
    read.length = load_be16(from.data() + 4);
    read.flags = load_be16(from.data() + 6);
    read.transaction = load_be16(from.data() + 8);
    read.sequence = load_be16(from.data() + 10);
    if (const auto number = load_be16(from.data()); number != version)
        return isns_fault(isns_errc::bad_header, "version", std::to_string(number), "1");
    if (read.length % 4 != 0)
        return isns_fault(
            isns_errc::bad_header,
            "PDU length",
            std::to_string(read.length),
            "a multiple of 4 (RFC 4171 section 5.1.3)"
        );
    if ((read.flags & has_authentication) != 0)
        return isns_fault(
            isns_errc::bad_header, "flags", "an authentication block", "none: it was not asked for"
        );
    return read;
}

// §5.1.4, §5.1.6: the same transaction, and sequence numbers that count from 0.
result<void> assembler::check_order(const header& next) const {
    const bool is_first = (next.flags & first_pdu) != 0;
    if (is_first != !first_ || next.sequence != pdus_)
        return isns_fault(
            isns_errc::bad_sequence,
            "sequence ID",
            std::to_string(next.sequence) + (is_first ? ", first PDU" : ""),
            std::to_string(pdus_)
        );
    if (first_ &&
        (next.transaction != first_->transaction || next.function_id != first_->function_id))
        return isns_fault(
            isns_errc::bad_sequence,
            "transaction ID",
            std::to_string(next.transaction),
            std::to_string(first_->transaction)
        );
    return {};
}

result<void> assembler::add(const header& next, bytes_view payload) {
    if (auto ordered = check_order(next); !ordered)
        return ordered;
    if (payload_.size() + payload.size() > longest_message || pdus_ == most_pdus)
        return isns_fault(
            isns_errc::too_long,
            "message",
            "more than " + std::to_string(payload_.size()) + " bytes in " + std::to_string(pdus_) +
                " PDUs",
            std::to_string(longest_message) + " bytes in " + std::to_string(most_pdus) +
                " PDUs at most"
        );
    if (!first_)
        first_ = next;
    ++pdus_;
    payload_.insert(payload_.end(), payload.begin(), payload.end());
    return {};
}

// What was gathered is a message, and nothing is under way any more.
result<message> assembler::finish() {
    message whole;
    whole.function_id = first_->function_id;
    whole.transaction = first_->transaction;
    whole.replaces = (first_->flags & replace) != 0;
    const auto gathered = std::move(payload_);
    first_.reset();
    pdus_ = 0;
    payload_ = {};
    bytes_view payload(gathered);
    if (whole.is_answer()) {
        if (payload.size() < 4)
            return isns_fault(isns_errc::bad_header, "answer", "no status", "4 bytes");
        whole.status = load_be32(payload.data());
        payload = payload.subspan(4);
    }
    auto attributes = read_attributes(payload);
    if (!attributes)
        return attributes.error();
    whole.attributes = *std::move(attributes);
    return whole;
}

result<std::optional<message>> assembler::take(bytes_view more) {
    unread_.insert(unread_.end(), more.begin(), more.end());
    std::size_t at = 0;
    bool is_whole = false;
    while (!is_whole && unread_.size() - at >= header_size) {
        const bytes_view rest(unread_.data() + at, unread_.size() - at);
        const auto next = read_header(rest);
        if (!next)
            return next.error();
        if (rest.size() < header_size + next->length)
            break;
        if (auto added = add(*next, rest.subspan(header_size, next->length)); !added)
            return added.error();
        at += header_size + next->length;
        is_whole = (next->flags & last_pdu) != 0;
    }
    unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(at));
    if (!is_whole)
        return std::optional<message>();
    auto whole = finish();
    if (!whole)
        return whole.error();
    return std::optional<message>(*std::move(whole));
}

} // namespace iscsi::isns
