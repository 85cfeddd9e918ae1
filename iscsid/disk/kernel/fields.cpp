#include "iscsid/disk/kernel/fields.hpp"

#include "iscsid/disk/kernel/errors.hpp"

#include <algorithm>
#include <charconv>

namespace iscsid::disk {

namespace {

constexpr std::size_t length_size = 2;
constexpr std::size_t longest_text_of_fault = 1000; // three of them fit into a message
constexpr std::string_view done_word = "done";
constexpr std::string_view fault_word = "fault";

void append_length(std::string& to, std::size_t length) {
    to += static_cast<char>(length & 0xffU);
    to += static_cast<char>(length >> 8U);
}

std::size_t length_at(std::string_view message) {
    return static_cast<std::uint8_t>(message[0]) +
           (std::size_t{static_cast<std::uint8_t>(message[1])} << 8U);
}

std::optional<std::uint64_t> number_in(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        return std::nullopt;
    return number;
}

iscsi::fault no_reply(std::string got) {
    return {
        iscsi::to_error_code(disk_errc::helper_failed),
        "reply of the disk helper",
        std::move(got),
        "done or fault"};
}

} // namespace

std::string encode(const fields& what) {
    std::string message;
    for (const auto& each : what) {
        append_length(message, std::min(each.size(), longest_message));
        message += each;
    }
    return message.size() <= longest_message ? message : std::string();
}

std::optional<fields> decode(std::string_view message) {
    fields found;
    while (!message.empty()) {
        if (message.size() < length_size)
            return std::nullopt;
        const std::size_t length = length_at(message);
        message.remove_prefix(length_size);
        if (message.size() < length)
            return std::nullopt;
        found.emplace_back(message.substr(0, length));
        message.remove_prefix(length);
    }
    return found;
}

fields done(fields results) {
    results.insert(results.begin(), std::string(done_word));
    return results;
}

fields failed(const iscsi::fault& why) {
    const auto cut = [](const std::string& text) { return text.substr(0, longest_text_of_fault); };
    return {
        std::string(fault_word),
        std::to_string(why.code.value()),
        cut(why.field),
        cut(why.got),
        cut(why.expected)};
}

iscsi::result<fields> results_of(std::string_view reply) {
    auto found = decode(reply);
    if (!found || found->empty())
        return no_reply(std::to_string(reply.size()) + " bytes");
    if (found->front() == done_word) {
        found->erase(found->begin());
        return *std::move(found);
    }
    constexpr std::size_t parts_of_fault = 5;
    if (found->front() != fault_word || found->size() != parts_of_fault)
        return no_reply(found->front());
    const std::uint64_t code = number_in(found->at(1)).value_or(0); // no code of a fault is 0
    if (!is_disk_errc(code))
        return no_reply(found->front());
    return iscsi::fault{
        iscsi::to_error_code(static_cast<disk_errc>(code)),
        std::move(found->at(2)),
        std::move(found->at(3)),
        std::move(found->at(4))};
}

std::string argument_reader::text() {
    if (at_ < request_.size())
        return request_[at_++];
    sound_ = false;
    return {};
}

std::uint64_t argument_reader::number() {
    const auto found = number_in(text());
    sound_ = sound_ && found;
    return found.value_or(0);
}

bool argument_reader::flag() {
    const auto found = number();
    sound_ = sound_ && found <= 1;
    return found == 1;
}

} // namespace iscsid::disk
