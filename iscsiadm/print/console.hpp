#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace iscsi::cli {

// The two streams of iscsiadm: results on stdout, everything else on stderr after the program's
// name. stderr stays empty when all went well: scripts take any text there for a failure.
// Both streams are flushed line by line: progress is read by programs while it comes, and after a
// crash what was printed is true.
class console {
  public:
    // `is_terminal`: what is written to `err` is read by people.
    console(std::ostream& out, std::ostream& err, int debug_level = 0, bool is_terminal = false)
        : out_(out), err_(err), debug_level_(debug_level), is_terminal_(is_terminal) {}

    // Whole lines for stdout; a reader sees them at once.
    void print(std::string_view lines);

    // One line for stderr, after "iscsiadm: ".
    void complain(std::string_view line);

    // The same without the prefix.
    void complain_bare(std::string_view line);

    // What only somebody who looks for a cause wants to read: from -d LEVEL.
    // An empty line explains nothing and is left out.
    void explain(std::string_view line, int level = 1);

    // What is no trouble, and good to know for people: on a terminal, and from -d 1. Programs take
    // any line on stderr for a failure.
    void advise(std::string_view line);

    // Every line for stderr but the explanations and the advice, without the prefix, in order.
    const std::vector<std::string>& complaints() const { return complaints_; }

    bool advises() const { return is_terminal_ || explains(1); }

    bool explains(int level) const { return debug_level_ >= level; }

    // False when stdout did not take everything, for example on a full disk.
    bool all_printed() const { return out_.good(); }

  private:
    void write_error(std::string_view line);

    std::ostream& out_;
    std::ostream& err_;
    int debug_level_;
    bool is_terminal_;
    std::vector<std::string> complaints_;
};

} // namespace iscsi::cli
