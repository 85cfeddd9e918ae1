#pragma once

#include <boost/system/error_category.hpp>
#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <string>
#include <string_view>

namespace iscsi {

// Why something failed. The code is for programs; the other three make the log line:
// which field, what it held, what it should have held (with the clause that says so).
// It is for people and programs alike, so no text in it depends on the language or carries a
// secret; what came from outside is made printable by whoever puts it there.
struct fault {
    boost::system::error_code code;
    std::string field;
    std::string got;
    std::string expected;

    // "Data-In DataSN: out of sequence, got 7, expected 6"; parts that are empty are left out.
    std::string text() const;

    friend bool operator==(const fault&, const fault&) = default;
};

// Look before you take: `if (!r) return r.error();`. Enums of errors begin with 1, because an error
// code of 0 is success.
template <class T>
using result = boost::system::result<T, fault>;

// Makes `result::value()` usable in tests; library code checks first and never throws.
[[noreturn]] void
throw_exception_from_error(const fault& error, const boost::source_location& where);

// A category is one static object and never deleted through its base.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"

// An error category from an enum: the enum's namespace offers, found by argument-dependent lookup,
//   const char* category_name(Enum);  and  std::string_view message_of(Enum);
// to_error_code(value) makes the code.
template <class Enum>
class enum_category final : public boost::system::error_category {
  public:
    const char* name() const noexcept override { return category_name(Enum{}); }

    std::string message(int value) const override {
        return std::string(describe(static_cast<Enum>(value)));
    }

    // One per enum in the program: categories are compared by their address.
    static const enum_category& instance() {
        static const enum_category the_one;
        return the_one;
    }

  private:
    static std::string_view describe(Enum value) { return message_of(value); }
};

#pragma GCC diagnostic pop

template <class Enum>
boost::system::error_code to_error_code(Enum value) {
    return {static_cast<int>(value), enum_category<Enum>::instance()};
}

} // namespace iscsi
