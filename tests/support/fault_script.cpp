#include "tests/support/fault_script.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <utility>

namespace iscsi::test {
namespace {

constexpr std::uint8_t first_target_opcode = 0x20; // §11.2.1.2

constexpr std::array pdu_names{
    std::pair{"nop-in", opcode::nop_in},
    std::pair{"scsi-response", opcode::scsi_response},
    std::pair{"task-management-response", opcode::task_management_response},
    std::pair{"login-response", opcode::login_response},
    std::pair{"text-response", opcode::text_response},
    std::pair{"data-in", opcode::data_in},
    std::pair{"logout-response", opcode::logout_response},
    std::pair{"r2t", opcode::r2t},
    std::pair{"async", opcode::async_message},
    std::pair{"reject", opcode::reject},
    std::pair{"nop-out", opcode::nop_out},
    std::pair{"scsi-command", opcode::scsi_command},
    std::pair{"task-management", opcode::task_management_request},
    std::pair{"login-request", opcode::login_request},
    std::pair{"text-request", opcode::text_request},
    std::pair{"data-out", opcode::data_out},
    std::pair{"logout-request", opcode::logout_request},
};

struct action_word {
    std::string_view name;
    fault_action what;
    bool takes_number;
};

constexpr std::array action_words{
    action_word{"drop", fault_action::drop, false},
    action_word{"cut", fault_action::cut, true},
    action_word{"stall", fault_action::stall, true},
    action_word{"silence", fault_action::silence, false},
    action_word{"corrupt", fault_action::corrupt, true},
    action_word{"set", fault_action::set, true},
    action_word{"add", fault_action::add, true},
    action_word{"twice", fault_action::twice, false},
    action_word{"swallow", fault_action::swallow, false},
    action_word{"swap", fault_action::swap, false},
    action_word{"text", fault_action::text, false},
    action_word{"raw", fault_action::raw, false},
    action_word{"async", fault_action::async, true},
    action_word{"hold", fault_action::hold, false},
    action_word{"delay", fault_action::delay, true},
    action_word{"status", fault_action::status, true},
    action_word{"sense", fault_action::sense, true},
    action_word{"reject", fault_action::reject, true},
};

// Where the fields stand in a target's header (§11.2 and the PDUs of §11).
constexpr std::array fields{
    header_field{"opcode", 0, 1},
    header_field{"flags", 1, 1},
    header_field{"response", 2, 1},
    header_field{"status", 3, 1},
    header_field{"ahs", 4, 1},
    header_field{"length", 5, 3},
    header_field{"itt", 16, 4},
    header_field{"ttt", 20, 4},
    header_field{"statsn", 24, 4},
    header_field{"expcmdsn", 28, 4},
    header_field{"maxcmdsn", 32, 4},
    header_field{"datasn", 36, 4},
    header_field{"offset", 40, 4},
    header_field{"residual", 44, 4},
};

fault wrong(script_errc code, const std::string& line, std::string got, std::string expected) {
    return {to_error_code(code), line, std::move(got), std::move(expected)};
}

std::optional<std::uint32_t> number_of(std::string_view text) {
    const int base = text.starts_with("0x") ? 16 : 10;
    if (base == 16)
        text.remove_prefix(2);
    std::uint32_t value = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value, base);
    const bool whole = end.ec == std::errc() && end.ptr == text.data() + text.size();
    return whole && !text.empty() ? std::optional(value) : std::nullopt;
}

// "\0" and "\xff" are bytes.
std::string unescaped(std::string_view text) {
    std::string bytes;
    while (!text.empty()) {
        const std::size_t length = text.starts_with("\\0") ? 2 : text.starts_with("\\x") ? 4 : 1;
        const auto value = length == 4 ? number_of("0" + std::string(text.substr(1, 3))) : 0U;
        bytes.push_back(length == 1 ? text.front() : static_cast<char>(value.value_or('?')));
        text.remove_prefix(std::min(length, text.size()));
    }
    return bytes;
}

// "scsi-command/0x28": takes the operation code off the word.
result<void> read_operation(const std::string& line, std::string& word, fault_rule& rule) {
    const auto slash = word.find('/');
    if (slash == std::string::npos)
        return {};
    const auto code = number_of(std::string_view(word).substr(slash + 1));
    if (!code || *code > 0xff || word.substr(0, slash) != "scsi-command")
        return wrong(script_errc::not_a_number, line, word, "scsi-command/OPERATION-CODE");
    rule.operation = static_cast<std::uint8_t>(*code);
    word.resize(slash);
    return {};
}

// "0x800" or "0x800-0x8ff"
result<void> read_blocks(const std::string& line, const std::string& word, fault_rule& rule) {
    const auto dash = std::min(word.find('-'), word.size());
    const auto first = number_of(std::string_view(word).substr(0, dash));
    const auto last =
        dash == word.size() ? first : number_of(std::string_view(word).substr(dash + 1));
    if (!first || !last || *last < *first)
        return wrong(script_errc::not_a_number, line, word, "a block or FIRST-LAST");
    rule.blocks = {*first, *last};
    return {};
}

// "lun 3", "lba 0x800-0x8ff", each once; then a count, which is left to the caller.
result<void>
read_place(const std::string& line, std::istringstream& in, fault_rule& rule, std::string& count) {
    for (std::string word; in >> word;) {
        std::string value;
        if (word != "lun" && word != "lba") {
            count = word;
            continue;
        }
        in >> value;
        if (word == "lba") {
            if (auto blocks = read_blocks(line, value, rule); blocks.has_error())
                return blocks;
            continue;
        }
        const auto number = number_of(value);
        if (!number || *number > 0x3fff)
            return wrong(script_errc::not_a_number, line, value, "a LUN");
        rule.lun = static_cast<std::uint16_t>(*number);
    }
    return {};
}

result<void> read_when(const std::string& line, const std::string& words, fault_rule& rule) {
    std::istringstream in(words);
    std::string word;
    std::string count;
    in >> word;
    if (word == "every") {
        rule.repeats = true;
        in >> count >> word;
    }
    if (auto place = read_place(line, in, rule, count); place.has_error())
        return place;
    if (rule.lun && !word.starts_with("scsi-command"))
        return wrong(script_errc::unknown_pdu, line, word, "scsi-command, which has a LUN");
    if (!count.empty()) {
        const auto number = number_of(count);
        if (!number || *number == 0)
            return wrong(script_errc::not_a_number, line, count, "a count from 1 on");
        rule.number = *number;
    }
    if (word == "any")
        return {};
    if (auto operation = read_operation(line, word, rule); operation.has_error())
        return operation;
    const auto found = std::find_if(pdu_names.begin(), pdu_names.end(), [&](const auto& each) {
        return word == each.first;
    });
    if (found == pdu_names.end())
        return wrong(script_errc::unknown_pdu, line, word, "the name of a PDU, or any");
    rule.pdu = found->second;
    return {};
}

result<void> read_field(const std::string& line, std::istringstream& in, fault_rule& rule) {
    std::string word;
    in >> word;
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& each) {
        return word == each.name;
    });
    if (found == fields.end())
        return wrong(script_errc::unknown_field, line, word, "a field like statsn");
    rule.field = *found;
    return {};
}

result<void> read_what(const std::string& line, const std::string& words, fault_rule& rule) {
    std::istringstream in(words);
    std::string word;
    in >> word;
    const auto found = std::find_if(action_words.begin(), action_words.end(), [&](const auto& a) {
        return word == a.name;
    });
    if (found == action_words.end())
        return wrong(script_errc::unknown_action, line, word, "an action like drop");
    rule.what = found->what;
    if (rule.what == fault_action::set || rule.what == fault_action::add)
        if (auto read = read_field(line, in, rule); read.has_error())
            return read;
    if (rule.what == fault_action::text || rule.what == fault_action::raw)
        in >> rule.text;
    if (rule.what == fault_action::raw)
        rule.text = unescaped(rule.text);
    if (!found->takes_number)
        return {};
    std::string count;
    in >> count;
    const auto number = number_of(count);
    if (!number)
        return wrong(script_errc::not_a_number, line, count, "a number");
    rule.value = *number;
    return {};
}

// What can be done to a PDU of the initiator, and what only to one.
bool fits(const fault_rule& rule) {
    constexpr std::array to_either{
        fault_action::drop, fault_action::silence, fault_action::swallow, fault_action::async};
    constexpr std::array to_commands{
        fault_action::hold, fault_action::delay, fault_action::status, fault_action::sense};
    if (std::find(to_commands.begin(), to_commands.end(), rule.what) != to_commands.end())
        return rule.pdu == opcode::scsi_command;
    if (rule.what == fault_action::reject)
        return rule.pdu == opcode::text_request;
    const bool heard = rule.pdu && static_cast<std::uint8_t>(*rule.pdu) < first_target_opcode;
    return !heard || std::find(to_either.begin(), to_either.end(), rule.what) != to_either.end();
}

result<fault_rule> read_rule(const std::string& line) {
    const auto colon = line.find(':');
    if (colon == std::string::npos)
        return wrong(script_errc::no_colon, line, "no colon", "WHEN: WHAT");
    fault_rule rule;
    if (auto when = read_when(line, line.substr(0, colon), rule); when.has_error())
        return when.error();
    if (auto what = read_what(line, line.substr(colon + 1), rule); what.has_error())
        return what.error();
    if (!fits(rule))
        return wrong(script_errc::not_here, line, line.substr(colon + 1), "what fits this PDU");
    return rule;
}

} // namespace

const char* category_name(script_errc /*unused*/) {
    return "fault script";
}

std::string_view message_of(script_errc error) {
    switch (error) {
    case script_errc::no_colon:
        return "no colon";
    case script_errc::unknown_pdu:
        return "unknown PDU";
    case script_errc::unknown_action:
        return "unknown action";
    case script_errc::unknown_field:
        return "unknown field";
    case script_errc::not_a_number:
        return "not a number";
    case script_errc::not_here:
        return "an action that this PDU does not have";
    }
    return "unknown error";
}

namespace {

// What a command touches: the blocks of READ, WRITE, SYNCHRONIZE CACHE, VERIFY and WRITE SAME of 10
// and 16 bytes (SBC-3); none: it has no such field.
std::optional<std::pair<std::uint64_t, std::uint64_t>> extent_of(bytes_view cdb) {
    const auto code = std::to_integer<std::uint8_t>(cdb[0]);
    const auto group = static_cast<std::uint8_t>(code >> 5U); // SPC-4 §4.2.5.1: length of the CDB
    const bool ten = group == 1 || code == 0x41;
    if (!ten && group != 4)
        return std::nullopt;
    const std::uint64_t first = ten ? load_be32(cdb.data() + 2) : load_be64(cdb.data() + 2);
    const std::uint64_t count = ten ? load_be16(cdb.data() + 7) : load_be32(cdb.data() + 10);
    return std::pair{first, count};
}

} // namespace

bool fault_rule::is_about(const basic_header& heard) const {
    constexpr std::size_t lun_field_at = 8; // §11.3
    constexpr std::size_t cdb_at = 32;
    const auto cdb = bytes_view(heard).subspan(cdb_at, 16);
    if (operation && *operation != std::to_integer<std::uint8_t>(cdb[0]))
        return false;
    if (lun && *lun != (load_be16(heard.data() + lun_field_at) & 0x3fffU))
        return false;
    if (!blocks)
        return true;
    const auto touched = extent_of(cdb);
    return touched && touched->first <= blocks->second &&
           touched->first + std::max<std::uint64_t>(touched->second, 1) > blocks->first;
}

bool fault_rule::applies_to_next() {
    ++seen;
    if (number == 0)
        return true;
    return repeats ? seen % number == 0 : seen == number;
}

result<std::vector<fault_rule>> parse_fault_script(std::string_view text) {
    std::vector<fault_rule> rules;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        if (line.find_first_not_of(" \t") == std::string::npos || line.front() == '#')
            continue;
        auto rule = read_rule(line);
        if (rule.has_error())
            return rule.error();
        rules.push_back(std::move(*rule));
    }
    return rules;
}

} // namespace iscsi::test
