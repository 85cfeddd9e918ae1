#pragma once

#include <gtest/gtest.h>

#include <string>

// The tests of the laboratory's suites under its own numbers.
//
//   CONFORMANCE(FFP, "16.2.4", "InitialR2T=No and ImmediateData=No") { script()…run(…); }
//   NOT_APPLICABLE(FFP, "7.1", "Connection Reassignment", "needs ErrorRecoveryLevel 2")
//
// A test may stand in several parts (variants of one number): give it as many CONFORMANCE blocks
// with the same number; the report has one line, which passes when all of them do.
namespace iscsi::test {

struct conformance_id {
    std::string suite; // FFP, LOGIN or CHAP
    std::string number;
    std::string title;
};

// Both give a value only so that they can run before main().
bool register_conformance(const conformance_id& id, const char* file, int line, void (*body)());
bool register_not_applicable(const conformance_id& id, std::string reason);

} // namespace iscsi::test

#define ISCSI_JOIN_(a, b) a##b
#define ISCSI_JOIN(a, b) ISCSI_JOIN_(a, b)

#define CONFORMANCE(suite, number, title)                                                          \
    ISCSI_CONFORMANCE_BODY(ISCSI_JOIN(conformance_, __COUNTER__), suite, number, title)

#define NOT_APPLICABLE(suite, number, title, reason)                                               \
    [[maybe_unused]] static const bool ISCSI_JOIN(conformance_, __COUNTER__) =                     \
        ::iscsi::test::register_not_applicable({#suite, number, title}, reason);

// Counted, not named by the line: several files are compiled as one.
#define ISCSI_CONFORMANCE_BODY(name, suite, number, title)                                         \
    static void name();                                                                            \
    [[maybe_unused]] static const bool ISCSI_JOIN(name, _known) =                                  \
        ::iscsi::test::register_conformance({#suite, number, title}, __FILE__, __LINE__, &name);   \
    static void name()
