// What runs in QuickJS after handlebars.min.js: `prepare` reads one request and compiles what is
// new in it, `render` renders it. Both take or answer JSON; child.py calls them, plan.py has the
// shapes. What is thrown out of them is a limit; a template's own error is an answer.
(function (Handlebars, limits, global) {
  'use strict';

  var OPTIONS = {
    subject: { noEscape: true },
    html: {},
    text: { noEscape: true },
    amp: {},
    attachments: { noEscape: true, strict: true },
  };
  // What is kept compiled, in bytes of this heap: measured 3 of them for each character of a
  // source, and 300 to 730 for each of its tags.
  var CHARACTER_BYTES = 4;
  var TAG_BYTES = 800;

  var parts = {};
  var cache = new Map(); // digest: {run, weight, request}, the oldest first
  var weight = 0;
  var request = 0;
  var asked = null;

  anchorLexer(Handlebars.Parser.lexer);
  Object.keys(OPTIONS).forEach(function (part) {
    parts[part] = Handlebars.create();
  });
  parts.attachments.template = strictly(parts.attachments);

  // The lexer tries some 40 patterns at each token, all anchored with ^. QuickJS looks for such a
  // one at every place of the rest of the source, which makes 20 KB take 1.5 s; a sticky pattern
  // means the same and is looked for at one place: 19 ms.
  function anchorLexer(lexer) {
    lexer.rules = lexer.rules.map(function (rule) {
      var sticky = new RegExp(rule.source.slice(1), 'y');
      var found = {};
      found[Symbol.match] = function (text) {
        sticky.lastIndex = 0;
        return sticky.exec(text);
      };
      return found;
    });
  }

  // Where a name is looked for in what has no names, strict mode tells V8's own TypeError.
  function strictly(environment) {
    var make = environment.template;
    return function (spec) {
      var main = spec.main;
      spec.main = function (container) {
        var strict = container.strict;
        if (!strict.told) {
          container.strict = function (object, name, location) {
            if (object && typeof object !== 'object' && typeof object !== 'function') {
              throw new TypeError(
                "Cannot use 'in' operator to search for '" + name + "' in " + object);
            }
            return strict(object, name, location);
          };
          container.strict.told = true;
        }
        return main.apply(this, arguments);
      };
      return make(spec);
    };
  }

  // -> null where it is ready to be rendered, else the answer.
  function prepare(text) {
    if (typeof text !== 'string') return JSON.stringify({ limit: 'memory' });
    request += 1;
    try {
      asked = JSON.parse(text);
      if (asked.partials) register(asked.partials);
      keep(asked.sources);
      var missing = asked.parts.filter(function (digest) { return !find(digest); });
      return missing.length ? JSON.stringify({ need: missing }) : null;
    } catch (error) {
      return refused(error);
    }
  }

  // -> {texts: [...]}, {need: [digest, ...]}, {error: '...'} or {limit: 'size'}.
  function render() {
    try {
      var texts = asked.parts.map(function (digest) { return find(digest)(asked.data); });
      var size = texts.reduce(function (sum, text) { return sum + text.length; }, 0);
      if (size > limits.most_bytes) return JSON.stringify({ limit: 'size' });
      // A half of a pair of surrogates is no text; UTF-8 has a mark for it, as Node writes it.
      return JSON.stringify({ texts: texts.map(function (text) { return text.toWellFormed(); }) });
    } catch (error) {
      return error instanceof Missing ? JSON.stringify({ need: [error.digest] }) : refused(error);
    } finally {
      asked = null;
      evict();
    }
  }

  // QuickJS throws null where it has no memory even for an error.
  function refused(error) {
    if (error === null || error instanceof InternalError) throw error;
    return JSON.stringify({ error: inV8sWords(String(error)).toWellFormed() });
  }

  // What the engine itself says, and not Handlebars, is told as Node's engine says it.
  function inV8sWords(text) {
    return text
      .replace(/^TypeError: toPrimitive$/, 'TypeError: Cannot convert object to primitive value')
      .replace(
        /^TypeError: cannot read property '(.*)' of (undefined|null)$/s,
        "TypeError: Cannot read properties of $2 (reading '$1')");
  }

  function register(partials) {
    Object.keys(partials).forEach(function (part) {
      var named = partials[part];
      parts[part].partials = {};
      Object.keys(named).forEach(function (name) {
        // Handlebars can't have one of that name; here it would be the prototype of all.
        if (name !== '__proto__') parts[part].partials[name] = partial(named[name]);
      });
    });
  }

  function partial(digest) {
    return function (context, options) {
      var run = find(digest);
      if (!run) throw new Missing(digest);
      return run(context, options);
    };
  }

  function Missing(digest) {
    this.digest = digest;
  }

  function find(digest) {
    var entry = cache.get(digest);
    if (!entry) return undefined;
    if (entry.request !== request) {
      entry.request = request;
      cache.delete(digest);
      cache.set(digest, entry);
    }
    return entry.run;
  }

  function keep(sources) {
    Object.keys(sources).forEach(function (digest) {
      if (cache.has(digest)) return;
      var given = sources[digest];
      var cost = given.source.length * CHARACTER_BYTES +
        (given.source.split('{{').length - 1) * TAG_BYTES;
      cache.set(digest, { run: compiled(given), weight: cost, request: request });
      weight += cost;
    });
  }

  // What does not compile is kept as the error that it throws, where it is used.
  function compiled(given) {
    var environment = parts[given.part];
    try {
      var input = given.column ? shifted(environment, given) : given.source;
      var run = environment.compile(input, OPTIONS[given.part]);
      run._setup({}); // Handlebars would compile it at its first use
      return run;
    } catch (error) {
      if (error === null || error instanceof InternalError) throw error;
      return function () { throw error; };
    }
  }

  // A field of an attachment tells its places as they are in the JSON of all of them.
  function shifted(environment, given) {
    var tree = parsed(environment, given);
    var seen = new Set(); // nodes share their places
    (function shift(node) {
      if (node === null || typeof node !== 'object' || seen.has(node)) return;
      seen.add(node);
      if (node.start && node.end && !node.type) {
        if (node.start.line === 1) node.start = moved(node.start, given.column);
        if (node.end.line === 1) node.end = moved(node.end, given.column);
        return;
      }
      Object.keys(node).forEach(function (key) { shift(node[key]); });
    })(tree);
    return tree;
  }

  function parsed(environment, given) {
    try {
      return environment.parseWithoutProcessing(given.source);
    } catch (error) {
      if (error && error.lineNumber === 1) {
        error.message = error.message.replace(/ - 1:(\d+)$/, function (_, column) {
          return ' - 1:' + (Number(column) + given.column);
        });
      }
      throw error;
    }
  }

  function moved(place, column) {
    return { line: place.line, column: place.column + column };
  }

  function evict() {
    for (var [digest, entry] of cache) {
      if (weight <= limits.cache_bytes || entry.request === request) return;
      weight -= entry.weight;
      cache.delete(digest);
    }
  }

  global.prepare = prepare;
  global.render = render;
})(Handlebars, LIMITS, globalThis);
