#include "iscsiadm/print/console.hpp"

namespace iscsi::cli {

void console::print(std::string_view lines) {
    out_ << lines << std::flush;
}

void console::complain(std::string_view line) {
    write_error(line);
    complaints_.emplace_back(line);
}

void console::complain_bare(std::string_view line) {
    err_ << line << '\n' << std::flush;
    complaints_.emplace_back(line);
}

void console::explain(std::string_view line, int level) {
    if (explains(level) && !line.empty())
        write_error(line);
}

void console::advise(std::string_view line) {
    if (advises() && !line.empty())
        write_error(line);
}

void console::write_error(std::string_view line) {
    err_ << "iscsiadm: " << line << '\n' << std::flush;
}

} // namespace iscsi::cli
