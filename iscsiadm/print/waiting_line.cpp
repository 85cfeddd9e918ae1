#include "iscsiadm/print/waiting_line.hpp"

#include <fmt/core.h>

namespace iscsi::cli {

namespace {

// To the begin of the line, and everything behind it erased (ECMA-48 EL).
constexpr std::string_view erase = "\r\x1b[K";

} // namespace

void waiting_line::show(std::string_view text) {
    if (!is_terminal_)
        return;
    stream_ << erase << text << std::flush;
    is_shown_ = true;
}

void waiting_line::show_wait(std::string_view what, std::chrono::seconds waited) {
    show(fmt::format("iscsiadm: waiting for {}, {} s; Ctrl-C ends the wait", what, waited.count()));
}

void waiting_line::clear() {
    if (is_shown_)
        stream_ << erase << std::flush;
    is_shown_ = false;
}

} // namespace iscsi::cli
