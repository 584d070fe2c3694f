# One image for the four services, the portal and the command line; the command says which. No build tools are in the final stage.

# By digest, where it is known: --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:...
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
# Beside the portal's: such as `traces`.
ARG EXTRAS=
WORKDIR /source
# uv itself comes with the hash that the lock names, so the build takes nothing that was not seen before.
COPY requirements.lock ./
RUN sed -n '/^uv==/,/^[^ ]/p' requirements.lock | sed '1b;/^[^ ]/d;/^ *#/d' > uv.lock \
 && pip install --quiet --no-cache-dir --require-hashes --no-deps --target /uv -r uv.lock
# Two thirds of the size of some wheels are debugging symbols, which `strip` removes. Nothing of binutils gets into the image.
RUN apt-get -qq update && apt-get -qq install --yes --no-install-recommends binutils > /dev/null
ENV UV_LINK_MODE=copy UV_NO_CACHE=1 UV_PYTHON=/opt/goodstanding/bin/python PYTHONPATH=/uv
COPY pyproject.toml LICENSE ./
RUN python -m venv --without-pip /opt/goodstanding \
 && /uv/bin/uv pip install --quiet --verify-hashes --constraints requirements.lock --extra portal ${EXTRAS:+--extra ${EXTRAS}} --requirements pyproject.toml \
 && find /opt/goodstanding -name '*.so' -exec strip --strip-unneeded {} +
COPY goodstanding goodstanding
COPY services services
COPY shared shared
COPY policies policies
COPY partners partners
COPY data data
# Whatever is imported is compiled here, since a container cannot write bytecode. FastStream's other brokers, the languages that
# Pygments colours, and parsers of C are never imported.
# uv notes when our directory was changed, which nobody asks. Without that, and with one time for all files, the layer that
# is copied from here is the same to the bit whenever it is built: what did not change is not pulled again.
RUN /uv/bin/uv pip install --quiet --no-deps --build-constraints requirements.lock . \
 && cd /opt/goodstanding/lib/python*/site-packages/goodstanding-*.dist-info \
 && rm uv_cache.json && sed -i '/uv_cache\.json/d' RECORD \
 && /opt/goodstanding/bin/python -m compileall -q --invalidation-mode unchecked-hash \
    -x '/(faststream/(confluent|mqtt|nats|rabbit|redis)|pygments/lexers/[^_].*|pydantic/v1|cffi|pycparser)(/|\.py$)' /opt/goodstanding/lib \
 && find /opt -exec touch --no-dereference --date=@0 {} +

FROM ${PYTHON_IMAGE}
RUN python -m pip uninstall --quiet --yes pip --root-user-action ignore \
 && useradd --uid 10001 --no-create-home --home-dir /var/lib/goodstanding --shell /usr/sbin/nologin goodstanding \
 && install -d -o goodstanding -g goodstanding -m 700 /run/secrets /var/lib/goodstanding \
    /secrets /secrets/operator /secrets/authority /secrets/administrator /secrets/subscriber \
    /secrets/ingest /secrets/scorer /secrets/retention /secrets/benefits /secrets/portal \
 && install -d -o goodstanding -g goodstanding -m 755 /secrets/kafka /secrets/postgres /secrets/monitor
COPY --from=build /opt /opt
ENV PATH=/opt/goodstanding/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 GOODSTANDING_HTTP_HOST=0.0.0.0
USER 10001:10001
WORKDIR /var/lib/goodstanding
ENTRYPOINT ["goodstanding"]
CMD ["--help"]
