#include "libiscsi/base/result.hpp"

#include <stdexcept>

namespace iscsi {

// One line, in an order that can be read aloud: where, what is wrong, what was there, what should
// be.
std::string fault::text() const {
    std::string line = field;
    const auto add = [&line](std::string_view separator, std::string_view part) {
        if (part.empty())
            return;
        if (!line.empty())
            line += separator;
        line += part;
    };
    add(": ", code ? code.message() : std::string());
    add(", got ", got);
    add(", expected ", expected);
    return line;
}

void throw_exception_from_error(const fault& error, const boost::source_location& /*where*/) {
    throw std::runtime_error(error.text());
}

} // namespace iscsi
