#include "tests/conformance/report.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <ostream>
#include <tuple>
#include <vector>

namespace iscsi::test {

namespace {

struct part {
    const char* file;
    int line;
    void (*body)();
    const testing::TestInfo* known = nullptr;
};

struct entry {
    std::string title;
    std::string not_applicable; // the reason
    std::vector<part> parts;
};

// "16.2.4" before "16.10": numbers, not letters.
std::vector<int> numbers_of(const std::string& number) {
    std::vector<int> all;
    for (const char *at = number.data(), *end = at + number.size(); at < end; ++at) {
        int value = 0;
        at = std::from_chars(at, end, value).ptr;
        all.push_back(value);
    }
    return all;
}

int rank_of(const std::string& suite) {
    return suite == "FFP" ? 0 : suite == "LOGIN" ? 1 : 2;
}

struct laboratory_order {
    bool operator()(const conformance_id& a, const conformance_id& b) const {
        return std::make_tuple(rank_of(a.suite), numbers_of(a.number), a.number) <
               std::make_tuple(rank_of(b.suite), numbers_of(b.number), b.number);
    }
};

using catalogue = std::map<conformance_id, entry, laboratory_order>;

catalogue& all_tests() {
    static catalogue all;
    return all;
}

entry& entry_of(const conformance_id& id) {
    auto& found = all_tests()[id];
    if (found.title.empty())
        found.title = id.title;
    return found;
}

class conformance_test : public testing::Test {
  public:
    explicit conformance_test(void (*body)()) : body_(body) {}

    void TestBody() override { body_(); }

  private:
    void (*body_)();
};

std::string gtest_name(const std::string& number, std::size_t index) {
    auto name = number;
    std::replace(name.begin(), name.end(), '.', '_');
    return name + "_part_" + std::to_string(index + 1);
}

const char* verdict_of(const entry& test) {
    if (!test.not_applicable.empty())
        return "N/A";
    const auto failed = [](const part& p) { return p.known->result()->Failed(); };
    if (std::any_of(test.parts.begin(), test.parts.end(), failed))
        return "FAIL";
    const auto ran = [](const part& p) { return p.known->should_run(); };
    return std::all_of(test.parts.begin(), test.parts.end(), ran) ? "PASS" : "SKIP";
}

} // namespace

bool register_conformance(const conformance_id& id, const char* file, int line, void (*body)()) {
    entry_of(id).parts.push_back({file, line, body});
    return true;
}

bool register_not_applicable(const conformance_id& id, std::string reason) {
    entry_of(id).not_applicable = std::move(reason);
    return true;
}

void hand_over_to_gtest() {
    for (auto& [id, test] : all_tests())
        for (std::size_t i = 0; i < test.parts.size(); ++i) {
            auto& one = test.parts[i];
            one.known = testing::RegisterTest(
                id.suite.c_str(),
                gtest_name(id.number, i).c_str(),
                nullptr,
                nullptr,
                one.file,
                one.line,
                [body = one.body] { return new conformance_test(body); }
            );
        }
}

void print_report(std::ostream& to) {
    for (const auto& [id, test] : all_tests()) {
        to << verdict_of(test) << ' ' << id.suite << ' ' << id.number << ' ' << test.title;
        if (!test.not_applicable.empty())
            to << ": " << test.not_applicable;
        to << '\n';
    }
}

} // namespace iscsi::test
