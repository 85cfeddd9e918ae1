#pragma once

#include "tests/conformance/suite.hpp"
#include "tests/support/script.hpp"

#include <map>
#include <span>
#include <string>
#include <vector>

// Words that the suites share.
namespace iscsi::test {

constexpr std::size_t kib = 1024;

// The usual answers of the target with some changed.
inline text_pairs answers_with(const std::map<std::string, std::string>& changes) {
    auto all = script::usual_answers();
    for (auto& [key, value] : all)
        if (const auto found = changes.find(key); found != changes.end())
            value = found->second;
    return all;
}

inline std::vector<std::byte> as_segment(const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

inline std::vector<std::byte>
slice(const std::vector<std::byte>& of, std::size_t from, std::size_t length) {
    const auto begin = of.begin() + static_cast<std::ptrdiff_t>(from);
    return {begin, begin + static_cast<std::ptrdiff_t>(length)};
}

inline auto reads(std::uint16_t blocks) {
    return [blocks](session_world& world) { return world.read(0, blocks); };
}

inline auto writes(std::vector<std::byte> data) {
    return [data = std::move(data)](session_world& world) { return world.write(0, data); };
}

inline task_id first_task(session_world& world) {
    return world.ledger().begin()->second->task;
}

// The session comes back after a fault: Time2Wait, then a new login with the same ISID (§6.3.5).
inline constexpr auto time2wait = std::chrono::seconds(2);

inline a<data_out>
data_at(std::size_t offset, std::uint32_t data_sn, bool final, std::uint32_t transfer_tag) {
    return a<data_out>()
        .with("TTT", &data_out::target_transfer_tag, transfer_tag)
        .with("DataSN", &data_out::data_sn, data_sn)
        .with("Buffer Offset", &data_out::buffer_offset, static_cast<std::uint32_t>(offset))
        .with("F", &data_out::final, final);
}

inline r2t
ask(std::uint32_t transfer_tag, std::uint32_t r2t_sn, std::size_t offset, std::size_t length) {
    r2t pdu;
    pdu.target_transfer_tag = transfer_tag;
    pdu.r2t_sn = r2t_sn;
    pdu.buffer_offset = static_cast<std::uint32_t>(offset);
    pdu.desired_data_transfer_length = static_cast<std::uint32_t>(length);
    return pdu;
}

inline session_config quiet_config() { // without NOP-Outs of its own
    auto config = world_config();
    config.timeouts.noop_out_interval = std::chrono::seconds(0);
    return config;
}

} // namespace iscsi::test
